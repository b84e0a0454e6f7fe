// Remove attributes that nobody else used.
// mode: write
// params: $tokens
UNWIND $tokens AS token
MATCH (attribute:Attribute {token: token})
DETACH DELETE attribute
