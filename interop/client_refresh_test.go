package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// offline requests a refresh token.
func offline() client.AuthorizationOptions {
	return client.AuthorizationOptions{
		Scopes: []string{"openid", "offline_access", "email", "api:read"}, Prompt: []string{"consent"},
	}
}

func (p *provider) refreshFlows() []clientFlow {
	return []clientFlow{
		{"refresh: rotation; the ID token belongs to the same sign-in", p.refresh},
		{"refresh: rotation, public client", func(t *testing.T) {
			c := p.as(t, "pub", public)
			token := signIn(t, c, offline())
			next, err := c.Refresh(t.Context(), token.RefreshToken)
			if must(t, next, err); next.RefreshToken == token.RefreshToken {
				t.Error("not rotated")
			}
		}},
		{"refresh: reuse of an old token revokes the new one", p.reuse},
		{"refresh: fewer scopes, and additional scopes", p.refreshScopes},
		{"refresh: three processes with three sources each, one token", p.raceProcesses},
		{"refresh: a process ends while it holds the lock", p.deadProcess},
	}
}

func (p *provider) refresh(t *testing.T) {
	c := p.as(t, "web", nil)
	token := signIn(t, c, offline())
	source := sourceOf(t, c, client.TokenSourceConfig{Token: token})
	for range 3 {
		before, err := source.TokenContext(t.Context())
		must(t, before, err)
		next, err := source.Refresh(t.Context())
		if must(t, next, err); next.RefreshToken == before.RefreshToken || next.AccessToken == before.AccessToken {
			t.Error("not rotated")
		}
		if next.IDClaims == nil || next.Extra("id_token") == nil {
			t.Error("no new ID token")
		}
	}
}

// reuse uses a refresh token twice. The server treats that as theft (RFC 9700 section 4.14.2). To the client, it looks like a
// lost response.
func (p *provider) reuse(t *testing.T) {
	c := p.as(t, "web", nil)
	token := signIn(t, c, offline())
	next, err := c.Refresh(t.Context(), token.RefreshToken)
	must(t, next, err)
	_, err = c.Refresh(t.Context(), token.RefreshToken)
	refusedBy(t, err, client.ErrInvalidGrant)
	_, err = c.Refresh(t.Context(), next.RefreshToken)
	refusedBy(t, err, client.ErrInvalidGrant)
	_, err = c.UserInfo(t.Context(), next.AccessToken, "alice")
	refusedBy(t, err, client.ErrInvalidToken)
}

// refreshScopes checks that a source that requests a scope that was not granted sends no request, so that its token stays valid.
func (p *provider) refreshScopes(t *testing.T) {
	c := p.as(t, "web", nil)
	token := signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "offline_access", "email"}, Prompt: []string{"consent"}})
	next, err := c.Refresh(t.Context(), token.RefreshToken, "openid")
	if must(t, next, err); len(next.Scopes) != 1 {
		t.Errorf("granted: %v", next.Scopes)
	}
	_, err = c.Refresh(t.Context(), next.RefreshToken, "openid", "api:write")
	refusedBy(t, err, client.ErrInvalidScope)
	greedy := sourceOf(t, c, client.TokenSourceConfig{Token: next, Scopes: []string{"api:write"}})
	if _, err := greedy.Refresh(t.Context()); err == nil {
		t.Error("a scope that was not granted")
	}
	again, err := c.Refresh(t.Context(), next.RefreshToken)
	must(t, again, err)
}

// The environment variables of a process of the races.
const (
	racerIssuer = "BEARERKIT_TEST_RACER"
	racerFolder = "BEARERKIT_TEST_RACER_FOLDER"
	racerDies   = "BEARERKIT_TEST_RACER_DIES"
)

const (
	racers        = 3
	racerSources  = 3
	racerRounds   = 3
	racerStarted  = "started"
	sharedTokenOf = "alice"
)

// racer is a process of this test program with one folder of tokens.
func (p *provider) racer(t *testing.T, folder string, more ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRacer$", "-test.count=1")
	cmd.Env = append(os.Environ(), append(more, racerIssuer+"="+p.issuer, racerFolder+"="+folder)...)
	return cmd
}

// raceProcesses lets processes refresh one token. The server rotates it, and revokes it if one value is used twice.
func (p *provider) raceProcesses(t *testing.T) {
	folder, token := p.shareToken(t)
	var all sync.WaitGroup
	for range racers {
		all.Go(func() {
			if out, err := p.racer(t, folder).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	p.wantAlive(t, folder, token)
}

// deadProcess kills a process that holds the lock, between two refreshes.
func (p *provider) deadProcess(t *testing.T) {
	folder, token := p.shareToken(t)
	cmd := p.racer(t, folder, racerDies+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(stdout).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if err != nil || said != racerStarted+"\n" {
		t.Fatalf("it said %q: %v", said, err)
	}
	if out, err := p.racer(t, folder).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	p.wantAlive(t, folder, token)
}

func (p *provider) shareToken(t *testing.T) (folder string, token *client.Token) {
	t.Helper()
	folder, token = t.TempDir(), signIn(t, p.as(t, "web", nil), offline())
	store, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), sharedTokenOf, token); err != nil {
		t.Fatal(err)
	}
	return folder, token
}

// wantAlive checks that the token was refreshed and is valid.
func (p *provider) wantAlive(t *testing.T, folder string, first *client.Token) {
	t.Helper()
	store, err := client.NewFileTokens(folder)
	if err != nil {
		t.Fatal(err)
	}
	last, err := store.Load(t.Context(), sharedTokenOf)
	if err != nil || last.RefreshToken == first.RefreshToken {
		t.Fatal("nothing was refreshed", err)
	}
	c := p.as(t, "web", nil)
	_, err = c.UserInfo(t.Context(), last.AccessToken, "alice")
	succeed(t, err)
	again, err := c.Refresh(t.Context(), last.RefreshToken)
	must(t, again, err)
}

// TestRacer is one of the processes of the races. It does nothing if it is run alone.
func TestRacer(t *testing.T) {
	t.Parallel()
	issuer := os.Getenv(racerIssuer)
	if issuer == "" {
		return
	}
	store, err := client.NewFileTokens(os.Getenv(racerFolder))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(racerDies) != "" {
		hold(t, store)
	}
	var all sync.WaitGroup
	for range racerSources {
		all.Go(func() {
			if err := race(t, authorizationServer{issuer: issuer}, store); err != nil {
				t.Errorf("%v: %s", err, bodyOf(err))
			}
		})
	}
	all.Wait()
}

// hold takes the lock and waits until it is killed.
func hold(t *testing.T, store *client.FileTokens) {
	t.Helper()
	if _, err := store.Lock(t.Context(), sharedTokenOf); err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Println(racerStarted)
	_, _ = io.ReadAll(os.Stdin)
	select {}
}

// race uses one source, independently of the other processes.
func race(t *testing.T, as authorizationServer, store *client.FileTokens) error {
	t.Helper()
	c := as.as(t, "web", nil)
	source := sourceOf(t, c, client.TokenSourceConfig{Store: store, Key: sharedTokenOf})
	for range racerRounds {
		token, err := source.Refresh(t.Context())
		if err != nil {
			return err
		}
		if _, err := c.UserInfo(t.Context(), token.AccessToken, "alice"); err != nil { // the grant was revoked
			return err
		}
	}
	return nil
}
