package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/deploy/layer"
)

// layerPublish is one run of "firedrill layer publish".
type layerPublish struct {
	name    string
	regions []string
	dryRun  bool
}

// published is one version of a layer; without an ARN it would have been one.
type published struct {
	Name         string     `json:"name"`
	Architecture layer.Arch `json:"architecture"`
	Region       string     `json:"region,omitempty"`
	File         string     `json:"file"`
	ARN          string     `json:"arn,omitempty"`
	content      []byte
}

func (a *app) layerPublishCommand() *cobra.Command {
	var p layerPublish
	cmd := &cobra.Command{
		Use:   "publish [ZIP...]",
		Short: "Publish a version of the layer from each zip",
		Long: `Publish the zips that "firedrill layer build" made, in this folder unless they are named, as new versions of
the layers NAME-x86_64 and NAME-arm64. No function is changed: that is for whoever owns it.

Needs lambda:PublishLayerVersion.`,
		Example: "  firedrill layer publish --dry-run\n  firedrill layer publish --region eu-west-1 --region us-east-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			zips, err := p.read(args)
			if err != nil {
				return err
			}
			done, err := p.run(cmd.Context(), zips)
			if len(done) > 0 {
				if said := a.sayPublished(done, p.dryRun); said != nil {
					return said
				}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&p.name, "name", "firedrill", "name of the layers, before the architecture")
	cmd.Flags().StringSliceVar(&p.regions, "region", nil, "where to; without it the environment's")
	cmd.Flags().BoolVar(&p.dryRun, "dry-run", false, "say what would be published; ask nobody")
	return cmd
}

// read loads the zips.
func (p *layerPublish) read(files []string) (zips []published, err error) {
	if len(files) == 0 {
		if files, err = filepath.Glob("firedrill-layer-*.zip"); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, usage("firedrill layer build", "there is no firedrill-layer-*.zip in this folder")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, &failure{code: exitUsage, err: err}
		}
		in, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return nil, usage("", "%s: %w", file, err)
		}
		arch, err := layer.ArchOf(in)
		if err != nil {
			return nil, usage("", "%s: %w", file, err)
		}
		zips = append(zips, published{Name: p.name + "-" + string(arch), Architecture: arch, File: file, content: content})
	}
	return zips, nil
}

// run publishes every zip in every region and returns what was published, also if it fails on the way.
func (p *layerPublish) run(ctx context.Context, zips []published) (done []published, err error) {
	regions := p.regions
	if len(regions) == 0 {
		regions = []string{""} // the environment's
	}
	for _, region := range regions {
		var client *lambda.Client
		if !p.dryRun {
			cfg, err := awsConfig(ctx, region)
			if err != nil {
				var f *failure
				if errors.As(err, &f) {
					f.hint = "sign in to AWS, and name the region: --region eu-west-1, or AWS_REGION"
				}
				return done, err
			}
			client, region = lambda.NewFromConfig(cfg), cfg.Region
		}
		for _, z := range zips {
			z.Region = region
			if !p.dryRun {
				if z.ARN, err = layer.Publish(ctx, client, z.Name, z.Architecture, "Firedrill "+buildVersion(), z.content); err != nil {
					return done, &failure{code: exitError, err: fmt.Errorf("%s: %w", region, err), hint: "it needs lambda:PublishLayerVersion"}
				}
			}
			done = append(done, z)
		}
	}
	return done, nil
}

func (a *app) sayPublished(done []published, dryRun bool) error {
	if a.output == "json" {
		return a.printJSON(done)
	}
	for _, d := range done {
		switch {
		case dryRun && d.Region != "":
			fmt.Fprintf(a.stdout, "would publish %s in %s from %s\n", d.Name, d.Region, d.File)
		case dryRun:
			fmt.Fprintf(a.stdout, "would publish %s from %s\n", d.Name, d.File)
		default:
			fmt.Fprintln(a.stdout, d.ARN)
		}
	}
	fmt.Fprintln(a.stdout, "\nset on a function:")
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  layers\tadd the ARN of its architecture and region, keep the others")
	fmt.Fprintf(w, "  AWS_LAMBDA_EXEC_WRAPPER\t%s; was it set already, move that value to FIREDRILL_WRAPPER\n", layer.WrapperPath)
	fmt.Fprintln(w, "  FIREDRILL_CONFIG\twhere its fault set is, such as ssm:/firedrill/FUNCTION")
	return w.Flush()
}
