// A publication of a run is one node.
// mode: schema
// params:
CREATE CONSTRAINT run_seq IF NOT EXISTS
FOR (run:Run)
REQUIRE run.seq IS UNIQUE
