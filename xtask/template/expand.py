"""Writes template.yaml as CloudFormation gets it: SAM's resources made into the plain ones that they stand for.

    expand.py OUTPUT

It runs the transformation that AWS runs at deployment (aws-sam-translator): what is checked then is what is made. The
conditions are all still in it, so one output stands for every plan.
"""

import json
import os
import sys
from pathlib import Path

# The translator wants to know one, and asks nothing of it.
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class NoManagedPolicies:
    """AWS's own policies by name, of which the template uses none; SAM would ask IAM for the list."""

    def load(self):
        return {}


def main(output):
    template = yaml_parse(Path("template.yaml").read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # Where `sam deploy` puts what was built.
            resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"
    expanded = transform(template, {}, NoManagedPolicies())
    Path(output).write_text(json.dumps(expanded, indent=1), encoding="utf-8")


main(sys.argv[1])
