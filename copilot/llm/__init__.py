"""Talking to a language model, where the operator has one: what is hidden before, the call, what it costs. No room's words are here."""
