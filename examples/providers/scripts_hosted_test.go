package providers

import "net/http"

func auth0Server() *script {
	return &script{
		documents: map[string]string{
			"https://acme.eu.auth0.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://acme.eu.auth0.com/", "authorization_endpoint": "https://acme.eu.auth0.com/authorize",
				"token_endpoint": "https://acme.eu.auth0.com/oauth/token", "userinfo_endpoint": "https://acme.eu.auth0.com/userinfo",
				"revocation_endpoint":  "https://acme.eu.auth0.com/oauth/revoke",
				"end_session_endpoint": "https://acme.eu.auth0.com/oidc/logout",
				"jwks_uri":             "https://acme.eu.auth0.com/.well-known/jwks.json",
				"token_endpoint_auth_methods_supported": []string{
					"client_secret_basic", "client_secret_post", "private_key_jwt", "none",
				},
				"id_token_signing_alg_values_supported": []string{"HS256", "RS256", "PS256"},
				"code_challenge_methods_supported":      []string{"S256", "plain"},
			}),
		},
		authorize: "https://acme.eu.auth0.com/authorize", token: "https://acme.eu.auth0.com/oauth/token",
		jwks: "https://acme.eu.auth0.com/.well-known/jwks.json", revoke: "https://acme.eu.auth0.com/oauth/revoke",
		logout: "https://acme.eu.auth0.com/oidc/logout", api: "https://api.example.com/orders",
		iss: "https://acme.eu.auth0.com/", clientID: "client-1", claims: map[string]any{"sid": "session-1"},
		authenticates: either(basic, post)("client-1", clientSecret), rotates: true,
		query: map[string]string{"audience": "https://api.example.com"},
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "refresh_token": i.refresh, "id_token": i.idToken, "scope": i.scope, "expires_in": 86400,
				"token_type": "Bearer",
			}
		},
		badClient:  failure(http.StatusUnauthorized, "access_denied", "Unauthorized"),
		badCode:    failure(http.StatusForbidden, "invalid_grant", "Invalid authorization code"),
		badRefresh: failure(http.StatusForbidden, "invalid_grant", "Unknown or invalid refresh token."),
		badToken:   ownAPI,
	}
}

func oktaServer() *script {
	const base = "https://acme.okta.com/oauth2/default/v1/"
	return &script{
		documents: map[string]string{
			"https://acme.okta.com/oauth2/default/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://acme.okta.com/oauth2/default", "authorization_endpoint": base + "authorize",
				"token_endpoint": base + "token", "userinfo_endpoint": base + "userinfo", "jwks_uri": base + "keys",
				"revocation_endpoint": base + "revoke", "end_session_endpoint": base + "logout",
				"introspection_endpoint":                base + "introspect",
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"code_challenge_methods_supported":      []string{"S256"},
				"token_endpoint_auth_methods_supported": []string{
					"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none",
				},
			}),
		},
		authorize: base + "authorize", token: base + "token", jwks: base + "keys", revoke: base + "revoke", logout: base + "logout",
		api: "https://api.example.com/orders", iss: "https://acme.okta.com/oauth2/default", clientID: "0oa1",
		authenticates: basic("0oa1", clientSecret), rotates: true,
		answer: func(i issued) map[string]any {
			return map[string]any{
				"token_type": "Bearer", "expires_in": 3600, "access_token": i.access, "scope": i.scope, "refresh_token": i.refresh,
				"id_token": i.idToken,
			}
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", "The client secret supplied for a confidential client is invalid."),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "The authorization code is invalid or has expired."),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", "The refresh token is invalid or expired."),
		badToken:   ownAPI,
	}
}

func cognitoServer() *script {
	const base = "https://acme.auth.eu-west-1.amazoncognito.com/"
	const issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
	return &script{
		documents: map[string]string{
			issuer + "/.well-known/openid-configuration": document(map[string]any{
				"issuer": issuer, "authorization_endpoint": base + "oauth2/authorize", "token_endpoint": base + "oauth2/token",
				"userinfo_endpoint": base + "oauth2/userInfo", "revocation_endpoint": base + "oauth2/revoke",
				"end_session_endpoint": base + "logout", "jwks_uri": issuer + "/.well-known/jwks.json",
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
			}),
		},
		authorize: base + "oauth2/authorize", token: base + "oauth2/token", jwks: issuer + "/.well-known/jwks.json",
		revoke: base + "oauth2/revoke", logout: base + "logout", api: "https://api.example.com/orders",
		iss: issuer, clientID: "1example", claims: map[string]any{"token_use": "id", "cognito:username": "user-1"},
		authenticates: basic("1example", clientSecret),
		answer: func(i issued) map[string]any {
			members := map[string]any{
				"id_token": i.idToken, "access_token": i.access, "expires_in": 3600, "token_type": "Bearer",
			}
			if i.grant == "authorization_code" {
				members["refresh_token"] = i.refresh
			}
			return members
		},
		badClient:  failure(http.StatusBadRequest, "invalid_client", ""),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", ""),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", ""),
		badToken:   ownAPI,
	}
}

func salesforceServer() *script {
	const base = "https://acme.my.salesforce.com/services/"
	return &script{
		documents: map[string]string{
			"https://acme.my.salesforce.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://acme.my.salesforce.com", "authorization_endpoint": base + "oauth2/authorize",
				"token_endpoint": base + "oauth2/token", "revocation_endpoint": base + "oauth2/revoke",
				"userinfo_endpoint": base + "oauth2/userinfo", "introspection_endpoint": base + "oauth2/introspect",
				"registration_endpoint": base + "oauth2/register", "jwks_uri": "https://acme.my.salesforce.com/id/keys",
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
			}),
		},
		authorize: base + "oauth2/authorize", token: base + "oauth2/token", jwks: "https://acme.my.salesforce.com/id/keys",
		revoke: base + "oauth2/revoke", api: base + "data/v66.0/sobjects", iss: "https://acme.my.salesforce.com",
		clientID: "3MVG9example", authenticates: either(basic, post)("3MVG9example", clientSecret),
		answer: func(i issued) map[string]any {
			members := map[string]any{
				"access_token": i.access, "signature": "c2lnbmF0dXJl", "scope": "refresh_token openid api",
				"instance_url": "https://acme.my.salesforce.com", "issued_at": "1767225600000", "token_type": "Bearer",
				"id": "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P",
			}
			if i.grant == "authorization_code" {
				members["refresh_token"], members["id_token"] = i.refresh, i.idToken
			}
			return members
		},
		badClient:  failure(http.StatusBadRequest, "invalid_client", "invalid client credentials"),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "invalid authorization code"),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", "expired access/refresh token"),
		badToken: reply{
			status: http.StatusUnauthorized, body: `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`,
		},
	}
}
