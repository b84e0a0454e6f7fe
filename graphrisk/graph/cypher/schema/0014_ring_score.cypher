// The riskiest rings come first.
// mode: schema
// params:
CREATE INDEX ring_score IF NOT EXISTS
FOR (ring:Ring)
ON (ring.score)
