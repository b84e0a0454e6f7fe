// Intervals that begin or end at a publication are found without a scan.
// mode: schema
// params:
CREATE INDEX linked_from_run IF NOT EXISTS
FOR ()-[link:LINKED]-()
ON (link.fromRun)
