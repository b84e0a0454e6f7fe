// How many facts each load has now.
// mode: write
// params: $rows
UNWIND $rows AS row
MATCH (load:Load {seq: row.seq})
SET load.accounts = row.accounts, load.sightings = row.sightings
