package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// phase is one kind of request, and what was measured of it.
type phase struct {
	name     string
	requests [][]byte
	rounds   []round

	// A guarded phase is compared with a bare one that sends the same requests.
	bare   *phase
	target target
}

// target is what a guarded phase is meant to keep of its bare one, as ratios.
type target struct {
	throughput float64 // at least
	p99        float64 // at most
}

// round is one turn of a phase.
type round struct {
	throughput float64                 // requests a second
	latency    *hdrhistogram.Histogram // nanoseconds
}

func newPhase(name, path, host string, raws []string) *phase {
	p := &phase{name: name, requests: make([][]byte, len(raws))}
	for i, raw := range raws {
		p.requests[i] = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, host, raw)
	}
	return p
}

// client is a set of keep-alive connections. It writes requests that were made beforehand and reads no more of an answer
// than it must, since every cycle it takes is a cycle that the server does not get.
type client struct{ connections []*connection }

type connection struct {
	net.Conn

	answers *bufio.Reader
	next    int // request of the rotation
	latency *hdrhistogram.Histogram
}

func dial(ctx context.Context, address string, count int) (*client, error) {
	c := new(client)
	for range count {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			c.close()
			return nil, err
		}
		c.connections = append(c.connections, &connection{Conn: conn, answers: bufio.NewReader(conn)})
	}
	return c, nil
}

func (c *client) close() {
	for _, one := range c.connections {
		_ = one.Close()
	}
}

// warm goes round at least once, and goes on until the time is over.
func (c *client) warm(ctx context.Context, p *phase, atLeast time.Duration) error {
	share := len(p.requests)/len(c.connections) + 1
	_, err := c.all(ctx, p, atLeast, share)
	return err
}

func (c *client) measure(ctx context.Context, p *phase, length time.Duration) error {
	began := time.Now()
	latency, err := c.all(ctx, p, length, 1)
	if err != nil {
		return err
	}
	throughput := float64(latency.TotalCount()) / time.Since(began).Seconds()
	p.rounds = append(p.rounds, round{throughput: throughput, latency: latency})
	return nil
}

// all runs every connection for length, and for atLeast requests if that takes longer.
func (c *client) all(ctx context.Context, p *phase, length time.Duration, atLeast int) (*hdrhistogram.Histogram, error) {
	end := time.Now().Add(length)
	faults := make([]error, len(c.connections))
	var all sync.WaitGroup
	for i, one := range c.connections {
		one.next = i * len(p.requests) / len(c.connections) // so that the connections go through all of them together
		one.latency = newHistogram()
		all.Go(func() { faults[i] = one.run(ctx, p, end, atLeast) })
	}
	all.Wait()
	together := newHistogram()
	for _, one := range c.connections {
		together.Merge(one.latency)
	}
	return together, errors.Join(faults...)
}

// newHistogram is exact to three digits between a microsecond and ten seconds.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(10*time.Second), 3)
}

func (c *connection) run(ctx context.Context, p *phase, end time.Time, atLeast int) error {
	for done := 0; ctx.Err() == nil; done++ {
		began := time.Now()
		if done >= atLeast && began.After(end) {
			return nil
		}
		if err := c.exchange(p.requests[c.next%len(p.requests)]); err != nil {
			return err
		}
		c.next++
		if err := c.latency.RecordValue(int64(time.Since(began))); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// exchange wants an answer of 204, which has no body.
func (c *connection) exchange(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	status, err := c.answers.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 204 ")) {
		return fmt.Errorf("the server answered %q", bytes.TrimSpace(status))
	}
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == len("\r\n") {
			return nil
		}
	}
}
