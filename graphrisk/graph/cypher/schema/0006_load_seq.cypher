// A load is one node.
// mode: schema
// params:
CREATE CONSTRAINT load_seq IF NOT EXISTS
FOR (load:Load)
REQUIRE load.seq IS UNIQUE
