"""Password hashing, the policy for new passwords, and the block-list."""
