// A ring is one node for all time.
// mode: schema
// params:
CREATE CONSTRAINT ring_id IF NOT EXISTS
FOR (ring:Ring)
REQUIRE ring.ringId IS UNIQUE
