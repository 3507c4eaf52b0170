"""A sweep's life: fix the plan, skip what is finished, survive failures, sum up."""
