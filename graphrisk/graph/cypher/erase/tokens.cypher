// What an account used.
// mode: read
// params: $accountId
MATCH (:Account {accountId: $accountId})-->(attribute:Attribute)
RETURN attribute.token AS token
