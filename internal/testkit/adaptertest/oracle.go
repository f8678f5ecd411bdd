package adaptertest

import (
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/middleware"
)

// oracle builds a server with the middleware of the Guard. Adapters must behave like it.
func oracle(routes []Route) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		handler := handlerOf(route)
		for _, guarded := range innermostFirst(route) {
			handler = guarded.Guard.With(guarded.Rules...)(handler)
		}
		mux.Handle(route.Method+" "+route.Path, handler)
	}
	return mux
}

// handlerOf returns everything behind the Guards.
func handlerOf(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route.Behind()
		token, ok := middleware.TokenFromContext(r.Context())
		if err := route.Serve(w, r, Seen{Token: token, HasToken: ok, ID: r.PathValue("id")}); err != nil {
			http.Error(w, "error", http.StatusInternalServerError)
		}
	})
}

// innermostFirst returns the Guards of a route in the order in which handlers are wrapped.
func innermostFirst(route Route) []Guarded {
	all := slices.Concat(route.Group, route.Guards)
	slices.Reverse(all)
	return all
}

// unguarded builds the same server without Guards.
func unguarded(build Build) Build {
	return func(routes []Route) http.Handler {
		var open []Route
		for _, route := range routes {
			route.Group, route.Guards = nil, nil
			open = append(open, route)
		}
		return build(open)
	}
}
