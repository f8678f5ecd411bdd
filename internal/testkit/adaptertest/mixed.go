package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/bearerkit/bearerkit/bearertest"
)

// mixed sends concurrent requests of many users to one server. Frameworks reuse their contexts, and the data of one user
// must not reach another.
func mixed(build Build) []string {
	const users = 32
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	server := build([]Route{w.route(http.MethodGet, nil, []Guarded{{Guard: w.guard(nil)}}, showOrder)})

	var (
		all   sync.WaitGroup
		found [users]string
	)
	for i := range users {
		all.Go(func() {
			user := fmt.Sprint("user", i)
			r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, fmt.Sprint("/orders/", i), nil)
			want := answer{Status: http.StatusUnauthorized}
			if i%2 == 0 {
				r.Header.Set("Authorization", "Bearer "+reader(w.issuer).Set("sub", user).Sign())
				want = answer{Status: http.StatusOK, Body: fmt.Sprintf("%s: order %d\n", user, i)}
			}
			got := inMemory(server, r)
			if got.Status != want.Status || want.Body != "" && got.Body != want.Body {
				found[i] = fmt.Sprintf("%s gets %d %q", user, got.Status, got.Body)
			}
		})
	}
	all.Wait()
	_, err := w.events()
	return compact(found[:], err)
}

// compact returns the problems that are not empty.
func compact(found []string, err error) []string {
	var problems []string
	for _, problem := range found {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	if err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}
