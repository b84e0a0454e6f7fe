// What the nodes of accounts show, in the transaction that moves the pointer.
// mode: write
// params: $rows
UNWIND $rows AS row
MATCH (account:Account {accountId: row.accountId})
SET account += row.shown
REMOVE account:High:Medium
FOREACH (ignored IN CASE row.shown.band WHEN 'high' THEN [1] ELSE [] END | SET account:High)
FOREACH (ignored IN CASE row.shown.band WHEN 'medium' THEN [1] ELSE [] END | SET account:Medium)
