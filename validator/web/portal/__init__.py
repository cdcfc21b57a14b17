"""Ready-made pages: agent bar, customer chat and guest chat."""
