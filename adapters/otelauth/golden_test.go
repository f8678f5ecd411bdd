package otelauth_test

// The metrics and spans of story.tell.
const wantMetrics = `
bearerkit.cache.evictions {token} counter 0 bearerkit.issuer=https://issuer.test
bearerkit.cache.limit {token} updowncounter 10000 bearerkit.issuer=https://issuer.test
bearerkit.cache.usage {token} updowncounter 2 bearerkit.issuer=https://issuer.test
bearerkit.decision.duration s histogram 1 bearerkit.cached=false error.type=keys_unavailable
bearerkit.decision.duration s histogram 1 bearerkit.cached=false error.type=status_unavailable
bearerkit.decision.duration s histogram 3 bearerkit.cached=true
bearerkit.decision.duration s histogram 9 bearerkit.cached=false
bearerkit.decisions {decision} counter 1 bearerkit.reason=audience http.response.status_code=401
bearerkit.decisions {decision} counter 1 bearerkit.reason=expired http.response.status_code=401
bearerkit.decisions {decision} counter 1 bearerkit.reason=issuer http.response.status_code=401
bearerkit.decisions {decision} counter 1 bearerkit.reason=keys_unavailable error.type=keys_unavailable http.response.status_code=503
bearerkit.decisions {decision} counter 1 bearerkit.reason=malformed http.response.status_code=401
bearerkit.decisions {decision} counter 1 bearerkit.reason=no_token http.response.status_code=401
bearerkit.decisions {decision} counter 1 bearerkit.reason=policy http.response.status_code=403
bearerkit.decisions {decision} counter 1 bearerkit.reason=revoked http.response.status_code=401
bearerkit.decisions {decision} counter 1 bearerkit.reason=scope http.response.status_code=403
bearerkit.decisions {decision} counter 1 bearerkit.reason=status_unavailable error.type=status_unavailable http.response.status_code=503
bearerkit.decisions {decision} counter 1 bearerkit.reason=unknown_key http.response.status_code=401
bearerkit.decisions {decision} counter 3
bearerkit.key.age s gauge 90000.002 bearerkit.issuer=https://issuer.test
bearerkit.key.consecutive_failures {failure} gauge 1 bearerkit.issuer=https://issuer.test
bearerkit.key.count {key} updowncounter 0 bearerkit.issuer=https://issuer.test bearerkit.key.state=unusable
bearerkit.key.count {key} updowncounter 0 bearerkit.issuer=https://issuer.test bearerkit.key.state=usable
bearerkit.key_refresh.duration s histogram 1 bearerkit.refresh.result=failed error.type=_OTHER server.address=issuer.test server.port=443
bearerkit.key_refresh.duration s histogram 3 bearerkit.refresh.result=ok server.address=issuer.test server.port=443
bearerkit.key_refreshes {refresh} counter 1 bearerkit.refresh.cause=expired bearerkit.refresh.result=failed error.type=_OTHER server.address=issuer.test server.port=443
bearerkit.key_refreshes {refresh} counter 1 bearerkit.refresh.cause=expired bearerkit.refresh.result=ok server.address=issuer.test server.port=443
bearerkit.key_refreshes {refresh} counter 2 bearerkit.refresh.cause=forced bearerkit.refresh.result=ok server.address=issuer.test server.port=443
bearerkit.metadata.age s gauge 90060.013 bearerkit.issuer=https://issuer.test
bearerkit.metadata.consecutive_failures {failure} gauge 1 bearerkit.issuer=https://issuer.test
bearerkit.ready {issuer} gauge 0 bearerkit.issuer=https://issuer.test
bearerkit.status_check.duration s histogram 1 bearerkit.cached=false error.type=_OTHER
bearerkit.status_check.duration s histogram 6 bearerkit.cached=false
bearerkit.status_checks {check} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.token.active=false
bearerkit.status_checks {check} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test error.type=_OTHER
bearerkit.status_checks {check} counter 5 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.token.active=true
bearerkit.verification.duration s histogram 1 bearerkit.cached=false error.type=keys_unavailable
bearerkit.verification.duration s histogram 1 bearerkit.cached=false error.type=status_unavailable
bearerkit.verification.duration s histogram 3 bearerkit.cached=true
bearerkit.verification.duration s histogram 8 bearerkit.cached=false
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=audience
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=expired
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=issuer
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=keys_unavailable error.type=keys_unavailable
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=malformed
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=revoked
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=status_unavailable error.type=status_unavailable
bearerkit.verifications {verification} counter 1 bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=unknown_key
bearerkit.verifications {verification} counter 2 bearerkit.cached=false bearerkit.issuer=https://issuer.test
bearerkit.verifications {verification} counter 3 bearerkit.cached=true bearerkit.issuer=https://issuer.test
`

const wantSpans = `
GET server Unset: bearerkit.cached=false bearerkit.reason=no_token
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.principal=user
GET server Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=expired
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=audience
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=issuer
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=malformed
GET server Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user bearerkit.reason=scope bearerkit.rule=scope
GET server Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user bearerkit.reason=policy bearerkit.rule=owner
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=revoked
GET server Error:status_unavailable bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=status_unavailable
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=unknown_key
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.principal=user
GET server Error:keys_unavailable bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=keys_unavailable
bearerkit.refresh_keys internal by GET Error:_OTHER bearerkit.refresh.cause=expired bearerkit.refresh.keys=0 bearerkit.refresh.result=failed bearerkit.refresh.unusable_keys=0 error.type=_OTHER server.address=issuer.test server.port=443
bearerkit.refresh_keys internal by GET Unset: bearerkit.refresh.cause=expired bearerkit.refresh.keys=1 bearerkit.refresh.result=ok bearerkit.refresh.unusable_keys=0 server.address=issuer.test server.port=443
bearerkit.refresh_keys internal by GET Unset: bearerkit.refresh.cause=forced bearerkit.refresh.keys=1 bearerkit.refresh.result=ok bearerkit.refresh.unusable_keys=0 server.address=issuer.test server.port=443
bearerkit.refresh_keys internal by GET Unset: bearerkit.refresh.cause=forced bearerkit.refresh.keys=2 bearerkit.refresh.result=ok bearerkit.refresh.unusable_keys=0 server.address=issuer.test server.port=443
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
`

const wantDecisionSpans = `
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.reason=no_token http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.reason=no_token
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.principal=user
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.principal=user
bearerkit.authenticate internal in GET Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user
GET server Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=expired http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=expired
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=audience http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=audience
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=issuer http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=issuer
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=malformed http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=malformed
bearerkit.authenticate internal in GET Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user bearerkit.reason=scope bearerkit.rule=scope http.response.status_code=403
GET server Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user bearerkit.reason=scope bearerkit.rule=scope
bearerkit.authenticate internal in GET Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user bearerkit.reason=policy bearerkit.rule=owner http.response.status_code=403
GET server Unset: bearerkit.cached=true bearerkit.issuer=https://issuer.test bearerkit.principal=user bearerkit.reason=policy bearerkit.rule=owner
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=revoked http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=revoked
bearerkit.authenticate internal in GET Error:status_unavailable bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=status_unavailable error.type=status_unavailable http.response.status_code=503
GET server Error:status_unavailable bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=status_unavailable
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=unknown_key http.response.status_code=401
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=unknown_key
bearerkit.authenticate internal in GET Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.principal=user
GET server Unset: bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.principal=user
bearerkit.authenticate internal in GET Error:keys_unavailable bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=keys_unavailable error.type=keys_unavailable http.response.status_code=503
GET server Error:keys_unavailable bearerkit.cached=false bearerkit.issuer=https://issuer.test bearerkit.reason=keys_unavailable
bearerkit.refresh_keys internal by GET Error:_OTHER bearerkit.refresh.cause=expired bearerkit.refresh.keys=0 bearerkit.refresh.result=failed bearerkit.refresh.unusable_keys=0 error.type=_OTHER server.address=issuer.test server.port=443
bearerkit.refresh_keys internal by GET Unset: bearerkit.refresh.cause=expired bearerkit.refresh.keys=1 bearerkit.refresh.result=ok bearerkit.refresh.unusable_keys=0 server.address=issuer.test server.port=443
bearerkit.refresh_keys internal by GET Unset: bearerkit.refresh.cause=forced bearerkit.refresh.keys=1 bearerkit.refresh.result=ok bearerkit.refresh.unusable_keys=0 server.address=issuer.test server.port=443
bearerkit.refresh_keys internal by GET Unset: bearerkit.refresh.cause=forced bearerkit.refresh.keys=2 bearerkit.refresh.result=ok bearerkit.refresh.unusable_keys=0 server.address=issuer.test server.port=443
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
fetch client in GET Unset:
`
