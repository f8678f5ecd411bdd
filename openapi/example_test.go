package openapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/openapi"
)

const orders = `openapi: 3.1.1
info: {title: Orders, version: "1"}
security:
  - login: [orders:read]
paths:
  /health:
    get: {security: [], responses: {"204": {description: Up}}}
  /orders/{id}:
    get: {responses: {"200": {description: An order}}}
components:
  securitySchemes:
    login: {type: openIdConnect, openIdConnectUrl: "https://login.example.com/.well-known/openid-configuration"}
`

func exampleGuard() *middleware.Guard {
	c, err := consumer.New(consumer.Config{Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"}})
	if err != nil {
		panic(err)
	}
	g, err := middleware.New(middleware.Config{Verifier: c})
	if err != nil {
		panic(err)
	}
	return g
}

func ExampleRead() {
	policy, err := openapi.Read([]byte(orders), openapi.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := policy.Handler(exampleGuard(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/health", "/orders/7", "/invoices"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil))
		fmt.Println(strings.TrimSpace(fmt.Sprint(path, " ", w.Code, " ", w.Header().Get("WWW-Authenticate"))))
	}
	// Output:
	// /health 204
	// /orders/7 401 Bearer realm="api", scope="orders:read"
	// /invoices 401 Bearer realm="api"
}

// A document that leaves a question open is not enforced.
func ExampleRead_problems() {
	_, err := openapi.Read([]byte(`openapi: 3.1.1
info: {title: Orders, version: "1"}
paths:
  /orders:
    get:
      securty:
        - login: [orders:read]
`), openapi.Config{})
	fmt.Println(err)
	// Output:
	// openapi: document line 7: /paths/~1orders/get/securty: is not a member that OpenAPI 3.1 has here: correct or remove it, or let its name start with x-
	// openapi: document line 6: /paths/~1orders/get: has no security, and neither has the document: write security: [] if the operation is public
}

func ExampleDescribe() {
	policy := &openapi.Policy{
		Rules:  map[string][]middleware.Rule{"GET /orders/{id}": {middleware.AnyScope("orders:read", "orders:admin")}},
		Public: []string{"GET /health"},
	}
	document := `openapi: 3.1.1
info: {title: Orders, version: "1"} # the next version has invoices
paths:
  /health:
    get:
      summary: Is it up?
  /orders/{id}:
    get:
      summary: An order
`
	described, err := openapi.Describe([]byte(document), policy, openapi.Description{Issuer: "https://login.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(described))
	// Output:
	// openapi: 3.1.1
	// info: {title: Orders, version: "1"} # the next version has invoices
	// paths:
	//   /health:
	//     get:
	//       summary: Is it up?
	//       security: []
	//   /orders/{id}:
	//     get:
	//       summary: An order
	//       security:
	//       - openId: ['orders:read']
	//       - openId: ['orders:admin']
	// components:
	//   securitySchemes:
	//     openId:
	//       type: openIdConnect
	//       openIdConnectUrl: https://login.example.com/.well-known/openid-configuration
}
