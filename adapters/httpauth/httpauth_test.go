package httpauth_test

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/adapters/httpauth"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, build)
}

func build(routes []adaptertest.Route) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, ok := httpauth.Token(r)
			if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: r.PathValue("id")}); err != nil {
				http.Error(w, "error", http.StatusInternalServerError)
			}
		})
		handler = guarded(route.Guards, behind(route.Behind, handler))
		mux.Handle(route.Method+" "+route.Path, guarded(route.Group, handler))
	}
	return mux
}

func guarded(guards []adaptertest.Guarded, next http.Handler) http.Handler {
	if len(guards) == 0 {
		return next
	}
	return httpauth.Middleware(guards[0].Guard, guards[0].Rules...)(guarded(guards[1:], next))
}

func behind(note func(), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note()
		next.ServeHTTP(w, r)
	})
}
