package ginauth_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearerkit/adapters/ginauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode) // gin prints its routes otherwise
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, build)
}

func build(routes []adaptertest.Route) http.Handler {
	engine := gin.New()
	engine.Use(gin.RecoveryWithWriter(io.Discard))
	for _, route := range routes {
		group := engine.Group("", guarded(route.Group)...)
		chain := append(guarded(route.Guards), func(*gin.Context) { route.Behind() }, handler(route))
		group.Handle(route.Method, strings.ReplaceAll(route.Path, "{id}", ":id"), chain...)
	}
	return engine
}

func guarded(guards []adaptertest.Guarded) gin.HandlersChain {
	var chain gin.HandlersChain
	for _, guarded := range guards {
		chain = append(chain, ginauth.Middleware(guarded.Guard, guarded.Rules...))
	}
	return chain
}

func handler(route adaptertest.Route) gin.HandlerFunc {
	return func(c *gin.Context) {
		token, ok := ginauth.Token(c)
		if err := route.Serve(c.Writer, c.Request, adaptertest.Seen{Token: token, HasToken: ok, ID: c.Param("id")}); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
		}
	}
}

// A middleware around the Guard sees that the chain was aborted, and the status that the client receives.
func TestRefusalAborts(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	for name, test := range map[string]struct {
		authorization string
		aborted       bool
		status        int
	}{
		"rejected": {"", true, http.StatusUnauthorized},
		"admitted": {token, false, http.StatusNoContent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var aborted, ran bool
			var status int
			engine := gin.New()
			engine.Use(func(c *gin.Context) {
				c.Next()
				aborted, status = c.IsAborted(), c.Writer.Status()
			}, ginauth.Middleware(guard))
			engine.GET("/orders", func(c *gin.Context) {
				ran = true
				c.Status(http.StatusNoContent)
			})
			serve(t, engine, "/orders", test.authorization)
			if aborted != test.aborted || ran == test.aborted || status != test.status {
				t.Errorf("aborted %v, handler ran %v, status %d", aborted, ran, status)
			}
		})
	}
}

// After a panic, gin calls the next handler unless the chain was aborted, and a custom recovery may not abort it.
func TestPanicAborts(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	panics := middleware.Check("mine", func(context.Context, *consumer.Token) error { panic("out of shirts") })
	ran := false
	engine := gin.New()
	engine.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) {
		c.String(http.StatusInternalServerError, "sorry")
	}))
	engine.GET("/orders", ginauth.Middleware(guard, panics), func(*gin.Context) { ran = true })
	response := serve(t, engine, "/orders", token)
	if ran || response.Code != http.StatusInternalServerError || response.Body.String() != "sorry" {
		t.Errorf("handler ran %v, response %d %q", ran, response.Code, response.Body)
	}
}

// A Guard on the engine also guards the responses that gin itself writes.
func TestUnknownPath(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	engine := gin.New()
	engine.Use(ginauth.Middleware(guard))
	engine.GET("/orders", func(*gin.Context) {})

	rejected := serve(t, engine, "/unknown", "")
	if rejected.Code != http.StatusUnauthorized || !strings.HasPrefix(rejected.Body.String(), `{"title":"Unauthorized"`) ||
		strings.Contains(rejected.Body.String(), "404") {
		t.Errorf("without a token: %d %q", rejected.Code, rejected.Body)
	}
	if missing := serve(t, engine, "/unknown", token); missing.Code != http.StatusNotFound {
		t.Errorf("with a token: %d %q", missing.Code, missing.Body)
	}
}

func serve(t *testing.T, handler http.Handler, path, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	return response
}

func newGuard(t *testing.T) (guard *middleware.Guard, authorization string) {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err = middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return guard, "Bearer " + issuer.AccessToken().Sign()
}
