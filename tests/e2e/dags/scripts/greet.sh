# Says who ran it in which run.
echo "this is {{ run_id }}"
echo "read by $0"
