package middleware

import "net/http"

// isPreflight reports whether r is the request that a browser sends before a cross-origin request (Fetch standard,
// "CORS-preflight request"): OPTIONS with one Origin, one Access-Control-Request-Method, and no body. A request with
// Upgrade is not a preflight: a reverse proxy behind the Guard could open a connection whose requests no Guard checks.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.ContentLength == 0 && len(r.Header["Upgrade"]) == 0 &&
		isOneValue(r.Header["Origin"]) && isOneValue(r.Header["Access-Control-Request-Method"])
}

func isOneValue(lines []string) bool { return len(lines) == 1 && lines[0] != "" }

// passPreflight returns r without a token and without a body. It runs no rule and reports no decision.
func (g *Guard) passPreflight(r *http.Request, rules *[]Rule) *http.Request {
	ctx := r.Context()
	p := &passage{Context: ctx, guard: g, rules: rules}
	admitted := r.WithContext(p.asContext(ctx))
	admitted.Body = http.NoBody // also where a server or a test set a body without a length
	return admitted
}
