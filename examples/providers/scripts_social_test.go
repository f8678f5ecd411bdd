package providers

import "net/http"

func googleServer() *script {
	return &script{
		documents: map[string]string{
			"https://accounts.google.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://accounts.google.com", "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
				"device_authorization_endpoint": "https://oauth2.googleapis.com/device/code",
				"token_endpoint":                "https://oauth2.googleapis.com/token",
				"userinfo_endpoint":             "https://openidconnect.googleapis.com/v1/userinfo",
				"revocation_endpoint":           "https://oauth2.googleapis.com/revoke",
				"jwks_uri":                      "https://www.googleapis.com/oauth2/v3/certs",
				"response_types_supported":      []string{"code", "token", "id_token"}, "subject_types_supported": []string{"public"},
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
				"code_challenge_methods_supported":      []string{"plain", "S256"},
			}),
		},
		authorize: "https://accounts.google.com/o/oauth2/v2/auth", token: "https://oauth2.googleapis.com/token",
		jwks: "https://www.googleapis.com/oauth2/v3/certs", revoke: "https://oauth2.googleapis.com/revoke",
		api: "https://www.googleapis.com/calendar/v3/users/me/calendarList",
		iss: "https://accounts.google.com", clientID: "1234567890-abc.apps.googleusercontent.com",
		claims:        map[string]any{"azp": "1234567890-abc.apps.googleusercontent.com", "hd": "example.com"},
		authenticates: either(basic, post)("1234567890-abc.apps.googleusercontent.com", clientSecret),
		query:         map[string]string{"access_type": "offline", "prompt": "consent"},
		callback: map[string]string{
			"scope": "email openid https://www.googleapis.com/auth/userinfo.email", "authuser": "0", "hd": "example.com", "prompt": "consent",
		},
		answer: func(i issued) map[string]any {
			members := map[string]any{
				"access_token": i.access, "expires_in": 3599, "token_type": "Bearer", "id_token": i.idToken,
				"scope": "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/calendar.readonly",
			}
			if i.grant == "authorization_code" {
				members["refresh_token"] = i.refresh
			}
			return members
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", "Unauthorized"),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "Malformed auth code."),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked."),
		badToken: reply{
			status: http.StatusUnauthorized, body: `{"error":{"code":401,"status":"UNAUTHENTICATED"}}`,
			header: http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="invalid_token"`}},
		},
		revoked: reply{body: "{}"},
	}
}

func gitLabServer() *script {
	const text = "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the " +
		"authorization request, or was issued to another client."
	bad := failure(http.StatusBadRequest, "invalid_grant", text)
	bad.header = http.Header{"Www-Authenticate": {`Bearer realm="Doorkeeper", error="invalid_grant", error_description="` + text + `"`}}
	return &script{
		documents: map[string]string{
			"https://gitlab.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://gitlab.com", "authorization_endpoint": "https://gitlab.com/oauth/authorize",
				"token_endpoint": "https://gitlab.com/oauth/token", "revocation_endpoint": "https://gitlab.com/oauth/revoke",
				"introspection_endpoint": "https://gitlab.com/oauth/introspect", "userinfo_endpoint": "https://gitlab.com/oauth/userinfo",
				"jwks_uri":                              "https://gitlab.com/oauth/discovery/keys",
				"id_token_signing_alg_values_supported": []string{"RS256"},
				"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
				"code_challenge_methods_supported":      []string{"plain", "S256"},
			}),
		},
		authorize: "https://gitlab.com/oauth/authorize", token: "https://gitlab.com/oauth/token",
		jwks: "https://gitlab.com/oauth/discovery/keys", revoke: "https://gitlab.com/oauth/revoke",
		api: "https://gitlab.com/api/v4/user", iss: "https://gitlab.com", clientID: "client-1",
		authenticates: either(basic, post)("client-1", clientSecret), rotates: true,
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "token_type": "Bearer", "expires_in": 7200, "refresh_token": i.refresh, "scope": i.scope,
				"created_at": 1767225600, "id_token": i.idToken,
			}
		},
		badClient: failure(http.StatusUnauthorized, "invalid_client", "Client authentication failed."),
		badCode:   bad, badRefresh: bad, revoked: reply{body: "{}"},
		badToken: reply{
			status: http.StatusUnauthorized, body: `{"error":"invalid_token","error_description":"Token was revoked."}`,
			header: http.Header{"Www-Authenticate": {`Bearer realm="Protected by OAuth 2.0", error="invalid_token"`}},
		},
	}
}

func discordServer() *script {
	return &script{
		documents: map[string]string{
			"https://discord.com/.well-known/oauth-authorization-server": document(map[string]any{
				"issuer": "https://discord.com", "authorization_endpoint": "https://discord.com/api/oauth2/authorize",
				"token_endpoint":      "https://discord.com/api/oauth2/token",
				"revocation_endpoint": "https://discord.com/api/oauth2/token/revoke", "jwks_uri": "https://discord.com/api/oauth2/keys",
				"response_types_supported":                       []string{"code"},
				"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
				"revocation_endpoint_auth_methods_supported":     []string{"client_secret_basic", "client_secret_post", "none"},
				"code_challenge_methods_supported":               []string{"S256"},
				"authorization_response_iss_parameter_supported": true,
			}),
			"https://discord.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://discord.com", "authorization_endpoint": "https://discord.com/api/oauth2/authorize",
				"token_endpoint":    "https://discord.com/api/oauth2/token",
				"userinfo_endpoint": "https://discord.com/api/oauth2/userinfo", "jwks_uri": "https://discord.com/api/oauth2/keys",
				"response_types_supported":              []string{"code", "token"},
				"id_token_signing_alg_values_supported": []string{"RS256"},
			}),
		},
		authorize: "https://discord.com/api/oauth2/authorize", token: "https://discord.com/api/oauth2/token",
		jwks: "https://discord.com/api/oauth2/keys", revoke: "https://discord.com/api/oauth2/token/revoke",
		api: "https://discord.com/api/users/@me", clientID: "157730590492196864",
		authenticates: either(basic, post)("157730590492196864", clientSecret), rotates: true,
		callback: map[string]string{"iss": "https://discord.com"},
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "token_type": "Bearer", "expires_in": 604800, "refresh_token": i.refresh, "scope": i.scope,
			}
		},
		badClient:  failure(http.StatusUnauthorized, "invalid_client", ""),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", `Invalid "code" in request.`),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", ""),
		badToken:   reply{status: http.StatusUnauthorized, body: `{"message":"401: Unauthorized","code":0}`},
		revoked:    reply{body: "{}"},
	}
}

func slackMetadata() map[string]string {
	return map[string]string{
		"https://slack.com/.well-known/openid-configuration": document(map[string]any{
			"issuer": "https://slack.com", "authorization_endpoint": "https://slack.com/openid/connect/authorize",
			"token_endpoint":    "https://slack.com/api/openid.connect.token",
			"userinfo_endpoint": "https://slack.com/api/openid.connect.userInfo",
			"jwks_uri":          "https://slack.com/openid/connect/keys", "response_types_supported": []string{"code"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		}),
	}
}

func slackSignInServer() *script {
	return &script{
		documents: slackMetadata(),
		authorize: "https://slack.com/openid/connect/authorize", token: "https://slack.com/api/openid.connect.token",
		jwks: "https://slack.com/openid/connect/keys", api: "https://slack.com/api/openid.connect.userInfo",
		iss: "https://slack.com", clientID: "2141029472.691202649728",
		claims:        map[string]any{"https://slack.com/team_id": "T0RR", "https://slack.com/user_id": "U0JM"},
		authenticates: either(basic, post)("2141029472.691202649728", clientSecret),
		answer: func(i issued) map[string]any {
			return map[string]any{"ok": true, "access_token": i.access, "token_type": "Bearer", "id_token": i.idToken}
		},
		badClient: reply{body: `{"ok":false,"error":"bad_client_secret"}`},
		badCode:   reply{body: `{"ok":false,"error":"invalid_code"}`},
		badToken:  reply{body: `{"ok":false,"error":"invalid_auth"}`},
	}
}

// gitHubServer reports errors with status 200.
func gitHubServer() *script {
	return &script{
		authorize: "https://github.com/login/oauth/authorize", token: "https://github.com/login/oauth/access_token",
		api: "https://api.github.com/user", clientID: "Iv1.0123456789abcdef",
		authenticates: post("Iv1.0123456789abcdef", clientSecret), rotates: true,
		answer: func(i issued) map[string]any {
			return map[string]any{
				"access_token": i.access, "expires_in": 28800, "refresh_token": i.refresh, "refresh_token_expires_in": 15897600,
				"scope": "read:user,user:email", "token_type": "bearer",
			}
		},
		badClient:  failure(http.StatusOK, "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."),
		badCode:    failure(http.StatusOK, "bad_verification_code", "The code passed is incorrect or expired."),
		badRefresh: failure(http.StatusOK, "bad_refresh_token", "The refresh token passed is incorrect or expired."),
		badToken:   reply{status: http.StatusUnauthorized, body: `{"message":"Bad credentials","status":"401"}`},
	}
}

// slackUserServer issues two tokens at the sign-in: one for the bot, and in authed_user one for the user.
func slackUserServer() *script {
	return &script{
		documents: slackMetadata(),
		authorize: "https://slack.com/oauth/v2/authorize", token: "https://slack.com/api/oauth.v2.access",
		api: "https://slack.com/api/users.profile.get", clientID: "2141029472.691202649728",
		authenticates: either(basic, post)("2141029472.691202649728", clientSecret), rotates: true,
		query: map[string]string{"user_scope": "chat:write,users:read"},
		answer: func(i issued) map[string]any {
			user := map[string]any{
				"id": "U1234", "scope": "chat:write,users:read", "access_token": i.access, "token_type": "user", "expires_in": 43200,
				"refresh_token": i.refresh,
			}
			if i.grant == "refresh_token" {
				user["ok"] = true
				return user
			}
			return map[string]any{
				"ok": true, "access_token": "bot-1", "token_type": "bot", "scope": "commands", "bot_user_id": "U0KRQLJ9H",
				"app_id": "A0KRD7HC3", "expires_in": 43200, "refresh_token": "bot-refresh-1",
				"team": map[string]any{"name": "Orders", "id": "T9TK3CUKW"}, "authed_user": user,
			}
		},
		badClient:  reply{body: `{"ok":false,"error":"bad_client_secret"}`},
		badCode:    reply{body: `{"ok":false,"error":"invalid_code"}`},
		badRefresh: reply{body: `{"ok":false,"error":"invalid_refresh_token"}`},
		badToken:   reply{body: `{"ok":false,"error":"token_expired"}`},
	}
}

func linkedInServer() *script {
	return &script{
		documents: map[string]string{
			"https://www.linkedin.com/oauth/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://www.linkedin.com/oauth", "authorization_endpoint": "https://www.linkedin.com/oauth/v2/authorization",
				"token_endpoint": "https://www.linkedin.com/oauth/v2/accessToken", "userinfo_endpoint": "https://api.linkedin.com/v2/userinfo",
				"jwks_uri": "https://www.linkedin.com/oauth/openid/jwks", "response_types_supported": []string{"code"},
				"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "profile", "email"},
			}),
		},
		authorize: "https://www.linkedin.com/oauth/v2/authorization", token: "https://www.linkedin.com/oauth/v2/accessToken",
		jwks: "https://www.linkedin.com/oauth/openid/jwks", api: "https://api.linkedin.com/v2/userinfo",
		iss: "https://www.linkedin.com/oauth", clientID: "client-1", claims: map[string]any{"nonce": nil, "email_verified": "true"},
		authenticates: post("client-1", clientSecret), noPKCE: true, declined: "user_cancelled_login",
		answer: func(i issued) map[string]any {
			return map[string]any{"access_token": i.access, "expires_in": 5184000, "scope": i.scope, "id_token": i.idToken}
		},
		badClient: failure(http.StatusUnauthorized, "invalid_client", "Client authentication failed"),
		badCode: failure(http.StatusBadRequest, "invalid_request", "Unable to retrieve access token: appid/redirect uri/code verifier "+
			"does not match authorization code. Or authorization code expired. Or external member binding exists"),
		badToken: reply{status: http.StatusUnauthorized, body: `{"serviceErrorCode":65600,"message":"Invalid access token","status":401}`},
	}
}
