package providers

import "net/http"

func keycloakServer() *script {
	const base = "https://login.example.com/realms/main/protocol/openid-connect/"
	return &script{
		documents: map[string]string{
			"https://login.example.com/realms/main/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://login.example.com/realms/main", "authorization_endpoint": base + "auth",
				"token_endpoint": base + "token", "userinfo_endpoint": base + "userinfo", "jwks_uri": base + "certs",
				"revocation_endpoint": base + "revoke", "end_session_endpoint": base + "logout",
				"id_token_signing_alg_values_supported": []string{"PS384", "RS256", "ES256", "HS256"},
				"code_challenge_methods_supported":      []string{"plain", "S256"},
				"token_endpoint_auth_methods_supported": []string{
					"private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth", "client_secret_jwt",
				},
				"authorization_response_iss_parameter_supported": true,
			}),
		},
		authorize: base + "auth", token: base + "token", jwks: base + "certs", revoke: base + "revoke", logout: base + "logout",
		api: "https://api.example.com/orders", iss: "https://login.example.com/realms/main", clientID: "shop",
		claims:        map[string]any{"azp": "shop", "sid": "session-1", "typ": "ID"},
		authenticates: either(basic, post)("shop", clientSecret), rotates: true,
		callback: map[string]string{"iss": "https://login.example.com/realms/main", "session_state": "session-1"},
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "expires_in": 300, "refresh_expires_in": 1800, "refresh_token": i.refresh,
				"token_type": "Bearer", "id_token": i.idToken, "not-before-policy": 0, "session_state": "session-1",
				"scope": "openid email profile",
			}
		},
		badClient:  failure(http.StatusUnauthorized, "unauthorized_client", "Invalid client or Invalid client credentials"),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "Code not valid"),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", "Token is not active"),
		badToken:   ownAPI,
	}
}

func oryServer() *script {
	const base = "https://acme.projects.oryapis.com/oauth2/"
	const text = "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, " +
		"expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."
	return &script{
		documents: map[string]string{
			"https://acme.projects.oryapis.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://acme.projects.oryapis.com", "authorization_endpoint": base + "auth", "token_endpoint": base + "token",
				"jwks_uri":            "https://acme.projects.oryapis.com/.well-known/jwks.json",
				"userinfo_endpoint":   "https://acme.projects.oryapis.com/userinfo",
				"revocation_endpoint": base + "revoke", "end_session_endpoint": base + "sessions/logout",
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"code_challenge_methods_supported":      []string{"plain", "S256"},
				"token_endpoint_auth_methods_supported": []string{
					"client_secret_post", "client_secret_basic", "private_key_jwt", "none",
				},
			}),
		},
		authorize: base + "auth", token: base + "token", revoke: base + "revoke", logout: base + "sessions/logout",
		jwks: "https://acme.projects.oryapis.com/.well-known/jwks.json", api: "https://api.example.com/orders",
		iss: "https://acme.projects.oryapis.com", clientID: "00000000-0000-0000-0000-000000000003",
		authenticates: basic("00000000-0000-0000-0000-000000000003", clientSecret), rotates: true,
		callback: map[string]string{"scope": "openid offline_access orders:read"},
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "expires_in": 3599, "id_token": i.idToken, "refresh_token": i.refresh, "scope": i.scope,
				"token_type": "bearer",
			}
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", "Client authentication failed."),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", text),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", text+" The refresh token has not been found: not_found"),
		badToken:   ownAPI,
	}
}

// ownAPI is how an API behind a Guard rejects a token.
var ownAPI = reply{
	status: http.StatusUnauthorized, body: "{}", header: http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}},
}

func zitadelServer() *script {
	const base = "https://acme.zitadel.cloud/"
	return &script{
		documents: map[string]string{
			"https://acme.zitadel.cloud/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://acme.zitadel.cloud", "authorization_endpoint": base + "oauth/v2/authorize",
				"token_endpoint": base + "oauth/v2/token", "introspection_endpoint": base + "oauth/v2/introspect",
				"userinfo_endpoint": base + "oidc/v1/userinfo", "revocation_endpoint": base + "oauth/v2/revoke",
				"end_session_endpoint": base + "oidc/v1/end_session", "jwks_uri": base + "oauth/v2/keys",
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"token_endpoint_auth_methods_supported": []string{
					"none", "client_secret_basic", "client_secret_post", "private_key_jwt",
				},
				"code_challenge_methods_supported": []string{"S256"},
			}),
		},
		authorize: base + "oauth/v2/authorize", token: base + "oauth/v2/token", jwks: base + "oauth/v2/keys",
		revoke: base + "oauth/v2/revoke", logout: base + "oidc/v1/end_session", api: "https://api.example.com/orders",
		iss: "https://acme.zitadel.cloud", clientID: "123456789012345678", rotates: true,
		claims: map[string]any{
			"aud": []string{"123456789012345678", "123456789"}, "azp": "123456789012345678", "client_id": "123456789012345678",
		},
		authenticates: basic("123456789012345678", clientSecret),
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "token_type": "Bearer", "refresh_token": i.refresh, "expires_in": 43199, "id_token": i.idToken,
			}
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", "invalid secret"),
		badCode:    failure(http.StatusBadRequest, "invalid_request", "Errors.User.Code.Invalid"),
		badRefresh: failure(http.StatusBadRequest, "invalid_request", "Errors.User.RefreshToken.Invalid"),
		badToken:   ownAPI,
	}
}

// oidcProviderServer behaves as npm's oidc-provider does in the tests of interop.
func oidcProviderServer() *script {
	const base = "https://login.example.com/"
	return &script{
		documents: map[string]string{
			base + ".well-known/openid-configuration": document(map[string]any{
				"issuer": "https://login.example.com", "authorization_endpoint": base + "auth", "token_endpoint": base + "token",
				"userinfo_endpoint": base + "me", "jwks_uri": base + "jwks", "revocation_endpoint": base + "token/revocation",
				"end_session_endpoint":                           base + "session/end",
				"code_challenge_methods_supported":               []string{"S256"},
				"authorization_response_iss_parameter_supported": true,
				"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
			}),
		},
		authorize: base + "auth", token: base + "token", jwks: base + "jwks", revoke: base + "token/revocation",
		logout: base + "session/end", api: "https://api.example.com/orders", iss: "https://login.example.com", clientID: "shop",
		query:         map[string]string{"prompt": "consent", "resource": "https://api.example.com"},
		authenticates: either(basic, post)("shop", clientSecret), rotates: true,
		callback: map[string]string{"iss": "https://login.example.com"},
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "expires_in": 300, "refresh_token": i.refresh, "token_type": "Bearer", "id_token": i.idToken,
				"scope": "openid offline_access orders:read",
			}
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", "client authentication failed"),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "grant request is invalid"),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", "grant request is invalid"),
		badToken:   ownAPI,
	}
}

// dexServer behaves as Dex does in the tests of interop: its token responses have no scope, and a used refresh token results in
// invalid_request.
func dexServer() *script {
	const base = "https://dex.example.com/"
	return &script{
		documents: map[string]string{
			base + ".well-known/openid-configuration": document(map[string]any{
				"issuer": "https://dex.example.com", "authorization_endpoint": base + "auth", "token_endpoint": base + "token",
				"userinfo_endpoint": base + "userinfo", "jwks_uri": base + "keys",
				"code_challenge_methods_supported":      []string{"S256", "plain"},
				"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
			}),
		},
		authorize: base + "auth", token: base + "token", jwks: base + "keys",
		api: "https://api.example.com/orders", iss: "https://dex.example.com", clientID: "shop",
		authenticates: either(basic, post)("shop", clientSecret), rotates: true,
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "expires_in": 86399, "refresh_token": i.refresh, "token_type": "bearer", "id_token": i.idToken,
			}
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", "Invalid client credentials."),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "Invalid or expired code parameter."),
		badRefresh: failure(http.StatusBadRequest, "invalid_request", "Refresh token is invalid or has already been claimed by another client."),
		badToken:   ownAPI,
	}
}
