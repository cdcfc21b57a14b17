"""The enterprise side of a contact-centre cloud's third-party validation.

A browser carries an enterprise token to the cloud; the cloud asks this server whether the token is good.
A request goes `thirdparty.views` → `thirdparty.wire` → `thirdparty.validation` → `tokens.verifier` and
`standing` → `audit.trail`, and the answer goes back the same way. Begin with `app` and `services`.
"""
