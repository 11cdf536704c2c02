"""Clients for language models, and the tables that tell one provider from another."""
