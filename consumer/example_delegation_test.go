package consumer_test

import (
	"encoding/json"
	"fmt"

	"github.com/bearerkit/bearerkit/consumer"
)

// An audit log of an API whose tokens are exchanged names the user and the service that acts for the user.
func ExampleToken_Actor() {
	token, err := consumer.NewToken("https://login.example.com", json.RawMessage(`{
		"sub": "alice", "client_id": "web",
		"act": {"sub": "billing", "act": {"sub": "checkout"}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v %s\n", token.Principal(), token.Subject())
	if actor, ok := token.Actor(); ok {
		fmt.Println("through", actor.Subject)
		for _, before := range actor.Prior { // for the log only, not for access decisions
			fmt.Println("before that,", before.Subject)
		}
	}
	// Output:
	// user alice
	// through billing
	// before that, checkout
}

// A type with fields of its own embeds the common ones.
func ExampleAuthorizationDetailsAs() {
	type payment struct {
		consumer.AuthorizationDetail

		Amount struct {
			Currency string `json:"currency"`
			Value    string `json:"amount"`
		} `json:"instructedAmount"`
	}
	token, err := consumer.NewToken("https://login.example.com", json.RawMessage(`{
		"sub": "alice",
		"authorization_details": [
			{"type": "account_information", "actions": ["list_accounts"]},
			{"type": "payment_initiation", "actions": ["initiate"], "instructedAmount": {"currency": "EUR", "amount": "123.50"}}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	payments, err := consumer.AuthorizationDetailsAs[payment](token, "payment_initiation")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range payments {
		fmt.Println(p.Actions, p.Amount.Value, p.Amount.Currency)
	}
	// Output: [initiate] 123.50 EUR
}
