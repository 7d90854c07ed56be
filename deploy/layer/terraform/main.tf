# Publishes Firedrill's layer from the zips of "firedrill layer build", and says what a function needs besides.
# See ../README.md for how a function uses it.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "zips" {
  description = "Folder with firedrill-layer-x86_64.zip and firedrill-layer-arm64.zip."
  type        = string
}

variable "name" {
  description = "Name of the layers, before the architecture."
  type        = string
  default     = "firedrill"
}

variable "architectures" {
  description = "x86_64, arm64 or both."
  type        = set(string)
  default     = ["x86_64", "arm64"]

  validation {
    condition     = length(setsubtract(var.architectures, ["x86_64", "arm64"])) == 0
    error_message = "Lambda has x86_64 and arm64."
  }
}

variable "parameters" {
  description = "SSM parameters that hold the functions' fault sets, such as /firedrill/purchase."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.parameters : startswith(name, "/") && !strcontains(name, "*")])
    error_message = "Each is the whole name of one parameter, and starts with a slash."
  }
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}
data "aws_region" "here" {}

resource "aws_lambda_layer_version" "firedrill" {
  for_each = var.architectures

  layer_name               = "${var.name}-${each.key}"
  description              = "Firedrill"
  license_info             = "Apache-2.0"
  filename                 = "${var.zips}/firedrill-layer-${each.key}.zip"
  source_code_hash         = filebase64sha256("${var.zips}/firedrill-layer-${each.key}.zip")
  compatible_architectures = [each.key]
  skip_destroy             = true # functions may still name it
}

data "aws_iam_policy_document" "read" {
  dynamic "statement" {
    for_each = length(var.parameters) > 0 ? [1] : []

    content {
      sid     = "ReadTheFaultSet"
      actions = ["ssm:GetParameter"]
      resources = [
        for name in var.parameters :
        "arn:${data.aws_partition.here.partition}:ssm:${data.aws_region.here.name}:${data.aws_caller_identity.here.account_id}:parameter${name}"
      ]
    }
  }
}

output "layers" {
  description = "ARN of the layer for each architecture."
  value       = { for arch, version in aws_lambda_layer_version.firedrill : arch => version.arn }
}

output "environment" {
  description = "What every function with the layer has in its environment. FIREDRILL_CONFIG is its own."
  value       = { AWS_LAMBDA_EXEC_WRAPPER = "/opt/firedrill-proxy" }
}

output "policy" {
  description = "Policy document for the functions' roles: to read the parameters, and nothing else."
  value       = data.aws_iam_policy_document.read.json
}
