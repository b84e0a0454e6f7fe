"""Detection: linked accounts become components, and components become communities."""
