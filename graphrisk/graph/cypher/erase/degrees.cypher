// How many accounts use each of some attributes now.
// mode: write
// params: $rows
UNWIND $rows AS row
MATCH (attribute:Attribute {token: row.token})
SET attribute.hint = row.hint, attribute.accounts = row.accounts, attribute.hub = row.hub
