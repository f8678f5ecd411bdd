package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/bearerkit/bearerkit/client"
)

// A device without a browser or a keyboard shows a code. Its user signs in on another device (RFC 8628).
func ExampleClient_StartDevice() {
	server := newExampleServer() // plays the authorization server; the user signs in after the first poll
	c, err := client.New(client.Config{
		Issuer:     "https://login.example.com",
		ClientID:   "tv",
		HTTPClient: server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	device, err := c.StartDevice(context.Background(), client.DeviceOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Go to", device.VerificationURI, "and type", device.UserCode)

	token, err := c.WaitDevice(context.Background(), device)
	if errors.Is(err, client.ErrExpiredToken) {
		log.Fatal("The code has expired. Start again.")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token) // prints no secret
	// Output:
	// Go to https://login.example.com/go and type WDJB-MJHT
	// client.Token{Bearer}
}

// A call center signs its caller in. The caller confirms the sign-in on a phone that the server knows (OpenID Connect CIBA).
func ExampleClient_StartCIBA() {
	server := newExampleServer() // plays the authorization server; the user confirms after the first poll
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		Scopes:       []string{"openid"},
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	request, err := c.StartCIBA(context.Background(), client.CIBAOptions{LoginHint: "alice", BindingMessage: "W4SCT"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Confirm the sign-in on your phone if it shows W4SCT.")

	token, err := c.WaitCIBA(context.Background(), request)
	if errors.Is(err, client.ErrAccessDenied) {
		log.Fatal("The user declined.")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in as", token.IDClaims.Subject())
	// Output:
	// Confirm the sign-in on your phone if it shows W4SCT.
	// signed in as alice
}
