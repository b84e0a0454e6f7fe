// Ring nodes, before anything points at them.
// mode: write
// params: $rows
UNWIND $rows AS row
MERGE (:Ring {ringId: row.ringId})
