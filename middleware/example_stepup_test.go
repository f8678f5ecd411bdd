package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// exampleGuard returns a Guard and the issuer of its tokens.
func exampleGuard() (*bearertest.Issuer, *middleware.Guard, error) {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		return nil, nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	return issuer, guard, err
}

// A transfer requires a sign-in with a second factor within the last five minutes. The challenge says so, and the client
// signs the user in again. StepUp is in front of Scopes, so that the challenge also contains a missing scope.
func ExampleStepUp() {
	issuer, guard, err := exampleGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	transfer := guard.With(
		middleware.StepUp(5*time.Minute, "phrh", "phr"), middleware.Scopes("transfers"),
	)(http.HandlerFunc(listOrders))

	token := issuer.AccessToken().Set("scope", "transfers").Set("acr", "phr")
	send(transfer, "POST", "/transfers", "")
	send(transfer, "POST", "/transfers", token.Set("auth_time", time.Now().Add(-time.Hour).Unix()).Sign())
	send(transfer, "POST", "/transfers", token.Set("auth_time", time.Now().Unix()).Sign())
	// Output:
	// 401 Bearer realm="api", scope="transfers"
	// 401 Bearer realm="api", error="insufficient_user_authentication", acr_values="phrh phr", max_age="300"
	// 200
}

// An application can require a step-up that depends on the request. The Check returns the Refusal that StepUp would return.
// A Check receives the token and not the request; here, a handler in front of the Guard adds the amount to the context.
func ExampleCheck_stepUp() {
	issuer, guard, err := exampleGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	large := middleware.Check("amount", func(ctx context.Context, token *consumer.Token) error {
		amount, _ := ctx.Value(amountKey{}).(int)
		if amount <= 100 || token.ACR() == "phr" && token.AuthenticatedWithin(time.Minute) {
			return nil
		}
		return &middleware.Refusal{
			Status: http.StatusUnauthorized, Code: "insufficient_user_authentication", Reason: consumer.ReasonStepUp,
			ACRValues: []string{"phr"}, MaxAge: 60,
		}
	})
	transfer := withAmount(guard.With(large)(http.HandlerFunc(listOrders)))

	token := issuer.AccessToken().Sign()
	send(transfer, "POST", "/transfers?amount=20", token)
	send(transfer, "POST", "/transfers?amount=2000", token)
	// Output:
	// 200
	// 401 Bearer realm="api", error="insufficient_user_authentication", acr_values="phr", max_age="60"
}

type amountKey struct{}

// withAmount adds the amount of a transfer to the context of its request. An invalid amount is rejected.
func withAmount(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		amount, err := strconv.Atoi(r.URL.Query().Get("amount"))
		if err != nil || amount < 0 {
			http.Error(w, "invalid amount", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), amountKey{}, amount)))
	})
}

// The token must have been granted for exactly this kind of request.
func ExampleAuthorizationDetails() {
	issuer, guard, err := exampleGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	initiate := guard.With(middleware.AuthorizationDetails("payment_initiation", "initiate"))(http.HandlerFunc(listOrders))

	granted := func(actions ...string) string {
		details := []map[string]any{{"type": "payment_initiation", "actions": actions}}
		return issuer.AccessToken().Set("authorization_details", details).Sign()
	}
	send(initiate, "POST", "/payments", granted("initiate", "status"))
	send(initiate, "POST", "/payments", granted("status"))
	// Output:
	// 200
	// 403 Bearer realm="api", error="insufficient_scope"
}

// The fields of an authorization detail that are specific to an API are compared in the handler, or in a Check if they do
// not depend on the body of the request. Here, each token is granted for the payments of one account.
func ExampleCheck_authorizationDetails() {
	type payment struct {
		consumer.AuthorizationDetail

		DebtorAccount struct {
			IBAN string `json:"iban"`
		} `json:"debtorAccount"`
	}
	account := middleware.Check("account", func(_ context.Context, token *consumer.Token) error {
		payments, err := consumer.AuthorizationDetailsAs[payment](token, "payment_initiation")
		if err != nil {
			return err // 401: the claim is malformed
		}
		for _, p := range payments {
			if p.DebtorAccount.IBAN == "DE02100100109307118603" {
				return nil
			}
		}
		return &middleware.Refusal{
			Status: http.StatusForbidden, Code: "insufficient_scope", Reason: consumer.ReasonAuthorizationDetails,
		}
	})
	issuer, guard, err := exampleGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	list := guard.With(account)(http.HandlerFunc(listOrders))

	granted := func(iban string) string {
		details := []map[string]any{{"type": "payment_initiation", "debtorAccount": map[string]any{"iban": iban}}}
		return issuer.AccessToken().Set("authorization_details", details).Sign()
	}
	send(list, "GET", "/payments", granted("DE02100100109307118603"))
	send(list, "GET", "/payments", granted("DE75512108001245126199"))
	send(list, "GET", "/payments", issuer.AccessToken().Set("authorization_details", "payment").Sign())
	// Output:
	// 200
	// 403 Bearer realm="api", error="insufficient_scope"
	// 401 Bearer realm="api", error="invalid_token"
}

// A route for users rejects the tokens of clients, even if a client has the name of a user.
func ExamplePrincipal() {
	issuer, guard, err := exampleGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	mailbox := guard.With(middleware.Principal(consumer.PrincipalUser))(http.HandlerFunc(listOrders))
	send(mailbox, "GET", "/mail", issuer.AccessToken().Set("sub", "alice").Set("client_id", "app").Sign())
	send(mailbox, "GET", "/mail", issuer.AccessToken().Set("sub", "alice").Set("client_id", "alice").Sign())
	// Output:
	// 200
	// 403 Bearer realm="api"
}

// One route accepts only tokens that are bound to a key of the client. The others also accept bearer tokens.
func ExampleSenderConstrained() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		DPoP:     &middleware.DPoPConfig{URL: "https://api.test", Algorithms: []string{"ES256"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.Handler(http.HandlerFunc(listOrders)))
	mux.Handle("POST /transfers", guard.With(middleware.SenderConstrained())(http.HandlerFunc(listOrders)))

	token := issuer.AccessToken().Sign()
	send(mux, "GET", "/orders", token)
	send(mux, "POST", "/transfers", token) // the response also has the challenge DPoP realm="api", algs="ES256"
	// Output:
	// 200
	// 401 Bearer realm="api", error="invalid_token"
}

// revocable is a Verifier that sends a request about each token, as that of package consumer/introspection does without a
// cache. This one calls a function instead.
type revocable func(raw string) (*consumer.Token, error)

// Verify implements [consumer.Verifier].
func (f revocable) Verify(_ context.Context, raw string) (*consumer.Token, error) { return f(raw) }

// Most routes verify a JWT locally. A sensitive route also learns at once that the token was revoked.
func ExampleAlsoVerifiedBy() {
	issuer, guard, err := exampleGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	revoked := false
	online := revocable(func(string) (*consumer.Token, error) {
		if revoked {
			return nil, &consumer.Error{Reason: consumer.ReasonInactive}
		}
		return consumer.NewToken(issuer.URL(), []byte(`{"sub":"alice"}`))
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.Handler(http.HandlerFunc(listOrders)))
	mux.Handle("POST /transfers", guard.With(middleware.AlsoVerifiedBy(online))(http.HandlerFunc(listOrders)))

	token := issuer.AccessToken().Sign()
	send(mux, "POST", "/transfers", token)
	revoked = true
	send(mux, "POST", "/transfers", token)
	send(mux, "GET", "/orders", token)
	// Output:
	// 200
	// 401 Bearer realm="api", error="invalid_token"
	// 200
}
