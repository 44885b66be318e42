"""Who may use the product, for which part of the province, and how they prove who they are."""
