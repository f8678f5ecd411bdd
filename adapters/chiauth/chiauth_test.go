package chiauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/adapters/chiauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, build)
}

func build(routes []adaptertest.Route) http.Handler {
	router := chi.NewRouter()
	router.Use(chimiddleware.RequestLogger(silence{}), chimiddleware.Recoverer)
	for _, route := range routes {
		router.Group(func(group chi.Router) {
			for _, guarded := range route.Group {
				group.Use(chiauth.Middleware(guarded.Guard, guarded.Rules...))
			}
			for _, guarded := range route.Guards {
				group = group.With(chiauth.Middleware(guarded.Guard, guarded.Rules...))
			}
			group.With(behind(route.Behind)).Method(route.Method, route.Path, handler(route))
		})
	}
	return router
}

// silence is a log that drops the stacks of panics.
type silence struct{}

func (silence) NewLogEntry(*http.Request) chimiddleware.LogEntry { return silence{} }
func (silence) Write(int, int, http.Header, time.Duration, any)  {}
func (silence) Panic(any, []byte)                                {}

func behind(note func()) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			note()
			next.ServeHTTP(w, r)
		})
	}
}

func handler(route adaptertest.Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := chiauth.Token(r)
		if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: chi.URLParam(r, "id")}); err != nil {
			http.Error(w, "error", http.StatusInternalServerError)
		}
	}
}

// Pattern in OnDecision depends on where the Guard is used.
func TestPattern(t *testing.T) {
	t.Parallel()
	ok := func(http.ResponseWriter, *http.Request) {}
	tests := []struct {
		name, path string
		mount      func(router chi.Router, guard func(http.Handler) http.Handler)
		want       string
	}{
		{"With", "/orders/7", func(router chi.Router, guard func(http.Handler) http.Handler) {
			router.With(guard).Get("/orders/{id}", ok)
		}, "/orders/{id}"},
		{"Group", "/orders/7", func(router chi.Router, guard func(http.Handler) http.Handler) {
			router.Group(func(group chi.Router) {
				group.Use(guard)
				group.Get("/orders/{id}", ok)
			})
		}, "/orders/{id}"},
		{"With below Route", "/shops/3/orders/7", func(router chi.Router, guard func(http.Handler) http.Handler) {
			router.Route("/shops/{shop}", func(shop chi.Router) { shop.With(guard).Get("/orders/{id}", ok) })
		}, "/shops/{shop}/orders/{id}"},
		{"Use below Route", "/shops/3/orders/7", func(router chi.Router, guard func(http.Handler) http.Handler) {
			router.Route("/shops/{shop}", func(shop chi.Router) {
				shop.Use(guard)
				shop.Get("/orders/{id}", ok)
			})
		}, "/shops/{shop}/*"},
		{"Use", "/orders/7", func(router chi.Router, guard func(http.Handler) http.Handler) {
			router.Use(guard)
			router.Get("/orders/{id}", ok)
		}, ""},
		{"Use, unknown path", "/whatever/8", func(router chi.Router, guard func(http.Handler) http.Handler) {
			router.Use(guard)
			router.Get("/orders/{id}", ok)
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			guard := newGuard(t, func(ctx context.Context, _ middleware.Decision) { got = append(got, chiauth.Pattern(ctx)) })
			router := chi.NewRouter()
			test.mount(router, chiauth.Middleware(guard))
			router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil))
			if diff := cmp.Diff([]string{test.want}, got); diff != "" {
				t.Error("(-want +got)\n", diff)
			}
		})
	}
}

func TestPatternOutsideOfARouter(t *testing.T) {
	t.Parallel()
	if got := chiauth.Pattern(t.Context()); got != "" {
		t.Errorf("Pattern is %q", got)
	}
}

// newGuard returns a Guard that rejects every token.
func newGuard(t *testing.T, onDecision func(context.Context, middleware.Decision)) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(middleware.Config{Verifier: refusing{}, OnDecision: onDecision})
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

type refusing struct{}

// Verify implements [consumer.Verifier].
func (refusing) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, consumer.ErrInvalidToken
}
