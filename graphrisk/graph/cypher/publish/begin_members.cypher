// Memberships that are true from this publication on.
// mode: write
// params: $rows $seq
UNWIND $rows AS row
MATCH (account:Account {accountId: row.accountId})
CALL (account, row) {
  MATCH (ring:Ring {ringId: row.ringId})
  MERGE (account)-[member:MEMBER_OF {fromRun: $seq}]->(ring)
  SET member.role = row.role, member.score = row.score, member.reasons = row.reasons
}
