// Intervals that begin or end at a publication are found without a scan.
// mode: schema
// params:
CREATE INDEX member_of_to_run IF NOT EXISTS
FOR ()-[member:MEMBER_OF]-()
ON (member.toRun)
