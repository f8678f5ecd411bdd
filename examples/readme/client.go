package main

import (
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

func newCaller(c *client.Client, api string) (*http.Client, error) {
	source, err := c.TokenSource(client.TokenSourceConfig{Grant: c.ClientCredentials})
	if err != nil {
		return nil, err
	}
	transport, err := client.NewTransport(client.TransportConfig{Source: source, Origins: []string{api}})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
