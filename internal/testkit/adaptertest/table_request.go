package adaptertest

import (
	"net/http"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// credentials returns rows about the Authorization header (RFC 6750 sections 2.1 and 3.1).
func credentials() []row {
	optional := set(func(_ *consumer.Config, g *middleware.Config) { g.Optional = true })
	noToken := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare)
	badRequest := unverified(http.StatusBadRequest, consumer.ReasonInvalidRequest, invalidRequest)
	badForm := badRequest
	badForm.verified = 1 // the form is checked after the Consumer has rejected the token
	return []row{
		{name: "good token", want: passed()},
		{name: "good token, scheme in lower case", header: func(i *bearertest.Issuer) http.Header {
			return http.Header{"Authorization": {"bearer " + reader(i).Sign()}}
		}, want: passed()},
		{name: "good token, good request body", method: http.MethodPost, body: "two shirts", serve: takeOrder, want: want{
			status: http.StatusCreated, body: "alice: two shirts\n", decisions: []string{"200 "}, verified: 1, runs: 1,
		}},
		{name: "HEAD with a good token", method: http.MethodHead, want: want{
			status: http.StatusOK, header: map[string]string{"Content-Length": "15"}, decisions: []string{"200 "}, verified: 1, runs: 1,
		}},

		{name: "no credentials", header: authorization(), want: noToken},
		{name: "HEAD without credentials", method: http.MethodHead, header: authorization(), want: noToken},
		{name: "no credentials, Optional", header: authorization(), guards: optional, want: anonymous("200 ")},
		{name: "good token, Optional", guards: optional, want: passed()},
		{
			name: "bad token, Optional", header: authorization("Bearer x.y"), guards: optional,
			want: refused(http.StatusUnauthorized, consumer.ReasonMalformed, invalidToken),
		},
		{name: "other scheme", header: authorization("Basic YWxpY2U6c2VjcmV0"), want: noToken},
		{name: "other scheme, Optional", header: authorization("Basic YWxpY2U6c2VjcmV0"), guards: optional, want: noToken},
		{name: "two Authorization lines", header: func(i *bearertest.Issuer) http.Header {
			token := "Bearer " + reader(i).Sign()
			return http.Header{"Authorization": {token, token}}
		}, want: badRequest},
		{name: "no credential after the scheme", header: authorization("Bearer"), want: badRequest},
		{name: "malformed credential", header: authorization("Bearer one, two"), want: badForm},
		{
			name: "challenge names the metadata", header: authorization(),
			guards: set(func(_ *consumer.Config, g *middleware.Config) { g.Resource = "https://api.test/v1" }),
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken,
				bare+`, resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"`),
		},
		{
			name: "challenge names the metadata on a loopback host", header: authorization(),
			guards: set(func(_ *consumer.Config, g *middleware.Config) { g.Resource = "http://localhost:8000/mcp" }),
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken,
				bare+`, resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/mcp"`),
		},
	}
}

// elsewhere returns rows about tokens in other places (RFC 6750 sections 2.2 and 2.3). Shared caches must not store the
// responses.
func elsewhere() []row {
	anywhere := set(func(_ *consumer.Config, g *middleware.Config) {
		g.TokenSources = []middleware.TokenSource{
			middleware.BearerToken, middleware.FormToken, middleware.QueryToken, middleware.CookieToken("token"),
		}
	})
	proxied := set(func(_ *consumer.Config, g *middleware.Config) {
		g.TokenSources = []middleware.TokenSource{middleware.HeaderToken("X-Token")}
	})
	headerFirst := set(func(_ *consumer.Config, g *middleware.Config) {
		g.TokenSources = []middleware.TokenSource{middleware.FirstOf(middleware.BearerToken, middleware.CookieToken("token"))}
	})
	private := passed()
	private.header = map[string]string{"Cache-Control": "private"}
	badRequest := unverified(http.StatusBadRequest, consumer.ReasonInvalidRequest, invalidRequest)
	cookie := func(i *bearertest.Issuer) http.Header {
		return http.Header{"Cookie": {"token=" + reader(i).Sign()}}
	}
	return []row{
		{name: "token in a cookie", header: cookie, guards: anywhere, want: private},
		{
			name: "token in a cookie that is not read", header: cookie,
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare),
		},
		{name: "token in header and cookie", header: func(i *bearertest.Issuer) http.Header {
			header := cookie(i)
			header["Authorization"] = good(i)["Authorization"]
			return header
		}, guards: anywhere, want: badRequest},
		{name: "token in header and cookie, the header first", header: func(i *bearertest.Issuer) http.Header {
			return http.Header{"Authorization": good(i)["Authorization"], "Cookie": {"token=other"}}
		}, guards: headerFirst, want: private},
		{name: "token in a header of a proxy", header: func(i *bearertest.Issuer) http.Header {
			return http.Header{"Authorization": {"Bearer of-the-application"}, "X-Token": {reader(i).Sign()}}
		}, guards: proxied, want: private},
		{name: "token in a repeated header of a proxy", header: func(i *bearertest.Issuer) http.Header {
			return http.Header{"X-Token": {reader(i).Sign(), reader(i).Sign()}}
		}, guards: proxied, want: badRequest},
		{
			name: "token in Authorization, which is not read", guards: proxied,
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare),
		},
		{name: "token in header and query", target: "/orders/7?access_token=x.y.z", guards: anywhere, want: badRequest},
		{
			name: "bad token in the query", target: "/orders/7?access_token=x.y", header: authorization(), guards: anywhere,
			want: refused(http.StatusUnauthorized, consumer.ReasonMalformed, invalidToken),
		},
		{
			name: "form that the handler can still read", method: http.MethodPost, body: "item=two+shirts", guards: anywhere,
			header: func(i *bearertest.Issuer) http.Header {
				header := good(i)
				header.Set("Content-Type", "application/x-www-form-urlencoded")
				return header
			}, serve: takeOrder, want: want{
				status: http.StatusCreated, body: "alice: item=two+shirts\n", decisions: []string{"200 "}, verified: 1, runs: 1,
				header: map[string]string{"Cache-Control": "private"},
			},
		},
	}
}

// preflights returns rows about CORS preflights. They need a token unless AllowPreflight is set.
func preflights() []row {
	noToken := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare+ordersRead)
	read := middleware.Scopes("orders:read")
	allowed := set(func(_ *consumer.Config, g *middleware.Config) { g.AllowPreflight = true }, read)
	crossOrigin := func(*bearertest.Issuer) http.Header {
		return http.Header{"Origin": {"https://app.test"}, "Access-Control-Request-Method": {"GET"}}
	}
	return []row{
		{name: "preflight", method: http.MethodOptions, header: crossOrigin, guards: ruled(read), want: noToken},
		{name: "preflight, allowed", method: http.MethodOptions, header: crossOrigin, guards: allowed, want: anonymous()},
		{
			name: "preflight with a body, allowed", method: http.MethodOptions, body: "two shirts", header: crossOrigin,
			guards: allowed, want: noToken,
		},
		{
			name: "OPTIONS without a requested method, allowed", method: http.MethodOptions,
			header: func(*bearertest.Issuer) http.Header { return http.Header{"Origin": {"https://app.test"}} },
			guards: allowed, want: noToken,
		},
		{name: "GET with the header of a preflight, allowed", header: crossOrigin, guards: allowed, want: noToken},
		{
			name: "HEAD with the header of a preflight, allowed", method: http.MethodHead, header: crossOrigin,
			guards: allowed, want: noToken,
		},
	}
}
