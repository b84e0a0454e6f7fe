// What the nodes of rings show, in the transaction that moves the pointer.
// mode: write
// params: $rows
UNWIND $rows AS row
MATCH (ring:Ring {ringId: row.ringId})
SET ring += row.shown
REMOVE ring:High:Medium
FOREACH (ignored IN CASE row.shown.band WHEN 'high' THEN [1] ELSE [] END | SET ring:High)
FOREACH (ignored IN CASE row.shown.band WHEN 'medium' THEN [1] ELSE [] END | SET ring:Medium)
