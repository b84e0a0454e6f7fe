// Memberships that are true no longer.
// mode: write
// params: $rows $seq
UNWIND $rows AS row
MATCH (:Account {accountId: row.accountId})-[member:MEMBER_OF]->(:Ring {ringId: row.ringId})
WHERE member.fromRun < $seq AND member.toRun IS NULL
SET member.toRun = $seq
