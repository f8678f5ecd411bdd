package loopback

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
)

// The texts that the user's browser shows.
const (
	notOurs  = "This request does not belong to the sign-in."
	failed   = "The sign-in has failed. You can close this window and try again."
	signedIn = "You are signed in. You can close this window."
)

// style is the only thing that the Content-Security-Policy of a page allows. The policy contains its hash.
const style = "body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}"

// page writes a page. It contains no script, no secret, and nothing from the request.
func page(w http.ResponseWriter, status int, text string) {
	hash := sha256.Sum256([]byte(style))
	body := "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n" +
		"<title>Sign-in</title>\n<style>" + style + "</style>\n<main><h1>Sign-in</h1><p>" + text + "</p></main>\n</html>\n"
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the URL contains the code
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
