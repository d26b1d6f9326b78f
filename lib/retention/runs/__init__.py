"""Runs: parameters, execution, publishing, comparing and signing off."""
