// Links that are true from this publication on.
// mode: write
// params: $rows $seq
UNWIND $rows AS row
MATCH (a:Account {accountId: row.accountA})
CALL (a, row) {
  MATCH (b:Account {accountId: row.accountB})
  MERGE (a)-[link:LINKED {fromRun: $seq}]->(b)
  SET link.strength = row.strength, link.onset = row.onset, link.evidence = row.evidence
}
