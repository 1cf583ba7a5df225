"""How others hear of cases and hand them in: Open311, webhooks, server-sent events, exports."""
