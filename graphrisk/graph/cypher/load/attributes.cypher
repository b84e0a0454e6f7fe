// Attributes of one kind with their degree after the load.
// mode: write
// params: $rows $kind $label
UNWIND $rows AS row
MERGE (attribute:Attribute {token: row.token})
ON CREATE SET attribute.kind = $kind, attribute:$($label)
SET attribute.hint = row.hint, attribute.accounts = row.accounts, attribute.hub = row.hub
