"""The headers that nginx forwards, removes or sets."""

# Response headers of the cloud that must not reach this host's browsers.
HIDDEN_HEADERS = """
    Strict-Transport-Security Public-Key-Pins Clear-Site-Data Service-Worker-Allowed
    Content-Security-Policy Content-Security-Policy-Report-Only Access-Control-Allow-Origin
    Access-Control-Allow-Credentials Access-Control-Allow-Methods Access-Control-Allow-Headers
    Access-Control-Expose-Headers Access-Control-Max-Age Access-Control-Allow-Private-Network
    WWW-Authenticate Accept-CH Critical-CH Origin-Agent-Cluster Refresh Alt-Svc NEL Report-To
    Reporting-Endpoints Activate-Storage-Access Secure-Session-Registration Sec-Session-Registration
    Set-Login Speculation-Rules Use-As-Dictionary X-Powered-By X-Request-ID Set-Cookie2
""".split()  # noqa: SIM905 - as a list it would take a line for each
# The request headers that the application reads; no others reach it.
PASSED_HEADERS = """
    Accept Accept-Language Access-Control-Request-Headers Access-Control-Request-Method Authorization
    Content-Type If-Modified-Since If-None-Match Origin Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site
    User-Agent
""".split()  # noqa: SIM905 - as a list it would take a line for each
# Headers that applications trust from a proxy; a client could forge them, and the cloud may act on them.
PROXIES_HEADERS = """
    Forwarded X-Forwarded Forwarded-For X-Forwarded-By X-Forwarded-Client-Cert X-Forwarded-Host
    X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Path X-Forwarded-Uri X-Forwarded-Protocol
    X-Forwarded-Scheme X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-User X-Forwarded-Email
    X-Forwarded-Groups X-Forwarded-Method X-Forwarded-Context X-Forwarded-Proto-Version Client-IP
    X-Client-IP X-Client-Ip-Port X-Client-Host True-Client-IP X-True-Client-IP X-Cluster-Client-IP
    Cluster-Client-IP CF-Connecting-IP CF-Connecting-IPv6 CF-Pseudo-IPv4 Fastly-Client-IP Fly-Client-IP
    Ali-CDN-Real-IP CDN-Src-IP X-CDN-Src-IP WL-Proxy-Client-IP Proxy-Client-IP WL-Proxy-SSL
    X-Azure-ClientIP X-Azure-SocketIP X-Appengine-User-IP X-Appengine-Remote-Addr
    X-Envoy-External-Address X-Envoy-Original-Path X-Envoy-Decorator-Operation X-Remote-IP X-Remote-Addr
    Remote-Addr Remote-User X-Remote-User X-Real-Port X-ProxyUser-IP X-Original-URL X-Original-URI
    X-Original-Host X-Original-Method X-Original-Forwarded-For X-Original-Remote-Addr X-Originating-IP
    X-Originally-Forwarded-For X-Rewrite-URL X-Override-URL X-Host X-HTTP-Host-Override X-HTTP-Method
    X-HTTP-Method-Override X-Method-Override X-Url-Scheme X-Scheme Front-End-Https X-Front-End-Https
    X-Https X-ARR-SSL X-ARR-ClientCert X-Client-Verify X-Client-Cert X-Client-DN X-SSL-Client-Cert
    X-SSL-Client-Verify SSL-Client-Cert SSL-Client-Verify X-SSL-Client-DN X-SSL-Client-S-DN
    Ssl-Client-Subject-Dn X-Validator-Status X-Middleware-Subrequest Via X-Via Proxy
""".split()  # noqa: SIM905 - as a list it would take a line for each
