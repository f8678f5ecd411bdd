package main

import (
	"embed"
	"html/template"
	"net/http"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

//go:embed pages
var files embed.FS

// pages are the ones that need no login. Their script talks to /auth/session and to /api/.
func pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
		switch r.URL.Path {
		case "/":
			http.ServeFileFS(w, r, files, "pages/home.html")
		case "/app.js", "/app.css":
			http.ServeFileFS(w, r, files, "pages"+r.URL.Path) //nolint:gosec // it is one of two names
		default:
			http.NotFound(w, r)
		}
	})
}

// profile is a page that only its user sees.
func profile(w http.ResponseWriter, r *http.Request) {
	u, _ := weblogin.UserFromContext(r.Context())
	t, err := template.ParseFS(files, "pages/profile.html")
	if err != nil {
		http.Error(w, "there is no page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'")
	_ = t.Execute(w, u) // whoever is gone needs no page
}
