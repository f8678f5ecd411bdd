package main

import (
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

func newCaller(cfg client.Config, api string) (*http.Client, error) {
	c, err := client.New(cfg) // with Issuer, ClientID, ClientSecret and Scopes
	if err != nil {
		return nil, err
	}
	return c.HTTPClient(api)
}
