// Intervals that begin or end at a publication are found without a scan.
// mode: schema
// params:
CREATE INDEX scored_by_to_run IF NOT EXISTS
FOR ()-[scored:SCORED_BY]-()
ON (scored.toRun)
