"""Chain, stores, tills, staff, roles, keys and the audit trail"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('api_keys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('hint', sa.Text(), nullable=False),
    sa.Column('key_hash', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('all_stores', sa.Boolean(), nullable=False),
    sa.Column('store_ids', postgresql.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key_hash')
    )
    op.create_index('api_keys_name', 'api_keys', ['name', 'id'], unique=False)
    op.create_table('audit',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('actor_kind', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=True),
    sa.Column('actor_name', sa.Text(), nullable=False),
    sa.Column('subject_kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=True),
    sa.Column('subject_name', sa.Text(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=True),
    sa.Column('till_id', sa.Uuid(), nullable=True),
    sa.Column('before', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('correlation_id', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('audit_action', 'audit', ['action', 'at', 'id'], unique=False)
    op.create_index('audit_actor_id', 'audit', ['actor_id', 'at', 'id'], unique=False)
    op.create_index('audit_at', 'audit', ['at', 'id'], unique=False)
    op.create_index('audit_store_id', 'audit', ['store_id', 'at', 'id'], unique=False)
    op.create_index('audit_subject_id', 'audit', ['subject_id', 'at', 'id'], unique=False)
    op.create_table('chain',
    sa.Column('only', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('"only"', name='chain_only'),
    sa.PrimaryKeyConstraint('only')
    )
    op.create_table('inbox',
    sa.Column('message_id', sa.Text(), nullable=False),
    sa.Column('consumer', sa.Text(), nullable=False),
    sa.Column('position', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('blocks', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('deaths', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('message_id', 'consumer')
    )
    op.create_index('inbox_blocking', 'inbox', ['consumer', 'key', 'position'], unique=False, postgresql_where=sa.text('blocks'))
    op.create_index('inbox_dead', 'inbox', ['position'], unique=False, postgresql_where=sa.text("status = 'dead'"))
    op.create_index('inbox_done', 'inbox', ['done_at'], unique=False, postgresql_where=sa.text('done_at IS NOT NULL'))
    op.create_index('inbox_due', 'inbox', ['next_attempt_at'], unique=False, postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
    op.create_table('leases',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('holder', sa.Text(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('outbox',
    sa.Column('seq', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('partition', sa.SmallInteger(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('routing_key', sa.Text(), nullable=False),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('seq')
    )
    op.create_index('outbox_failed', 'outbox', ['seq'], unique=False, postgresql_where=sa.text('failure IS NOT NULL'))
    op.create_index('outbox_sent', 'outbox', ['sent_at'], unique=False, postgresql_where=sa.text('sent_at IS NOT NULL'))
    op.create_index('outbox_unsent', 'outbox', ['partition', 'seq'], unique=False, postgresql_where=sa.text('sent_at IS NULL'))
    op.create_table('roles',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('permissions', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('discount_ppm', sa.Integer(), nullable=False),
    sa.Column('refund_minor', sa.BigInteger(), nullable=False),
    sa.Column('cash_out_minor', sa.BigInteger(), nullable=False),
    sa.Column('built_in', sa.Boolean(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('code')
    )
    op.create_table('signing_keys',
    sa.Column('kid', sa.Text(), nullable=False),
    sa.Column('public_jwk', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('private_encrypted', sa.LargeBinary(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('signs_from', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('kid')
    )
    op.create_table('staff',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=True),
    sa.Column('all_stores', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('pin_hash', sa.Text(), nullable=True),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('staff_code', 'staff', [sa.literal_column('lower(code)')], unique=True)
    op.create_table('stores',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('time_zone', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=False),
    sa.Column('tax_mode', sa.Text(), nullable=False),
    sa.Column('tax_rounding', sa.Text(), nullable=False),
    sa.Column('cash_rounding_minor', sa.BigInteger(), nullable=False),
    sa.Column('price_list', sa.Text(), nullable=True),
    sa.Column('tax_number', sa.Text(), nullable=True),
    sa.Column('address_lines', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('receipt_footer', sa.Text(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('stores_code', 'stores', [sa.literal_column('lower(code)')], unique=True)
    op.create_table('tries',
    sa.Column('subject', sa.LargeBinary(), nullable=False),
    sa.Column('in_a_row', sa.Integer(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('subject')
    )
    op.create_index('tries_last_at', 'tries', ['last_at'], unique=False)
    op.create_table('staff_roles',
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('role_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['role_id'], ['roles.id'], ),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('staff_id', 'role_id')
    )
    op.create_index('staff_roles_role_id', 'staff_roles', ['role_id'], unique=False)
    op.create_table('staff_stores',
    sa.Column('staff_id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], ),
    sa.PrimaryKeyConstraint('staff_id', 'store_id')
    )
    op.create_index('staff_stores_store_id', 'staff_stores', ['store_id'], unique=False)
    op.create_table('tills',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('store_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(), nullable=True),
    sa.Column('enrolled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('tills_code', 'tills', ['store_id', sa.literal_column('lower(code)')], unique=True)
    op.create_table('enrolment_codes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('till_id', sa.Uuid(), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('replaced_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['till_id'], ['tills.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('code_hash')
    )
    op.create_index('enrolment_codes_expires_at', 'enrolment_codes', ['expires_at'], unique=False)
    op.create_index('enrolment_codes_till_id', 'enrolment_codes', ['till_id'], unique=False)


def downgrade() -> None:
    op.drop_index('enrolment_codes_till_id', table_name='enrolment_codes')
    op.drop_index('enrolment_codes_expires_at', table_name='enrolment_codes')
    op.drop_table('enrolment_codes')
    op.drop_index('tills_code', table_name='tills')
    op.drop_table('tills')
    op.drop_index('staff_stores_store_id', table_name='staff_stores')
    op.drop_table('staff_stores')
    op.drop_index('staff_roles_role_id', table_name='staff_roles')
    op.drop_table('staff_roles')
    op.drop_index('tries_last_at', table_name='tries')
    op.drop_table('tries')
    op.drop_index('stores_code', table_name='stores')
    op.drop_table('stores')
    op.drop_index('staff_code', table_name='staff')
    op.drop_table('staff')
    op.drop_table('signing_keys')
    op.drop_table('roles')
    op.drop_index('outbox_unsent', table_name='outbox', postgresql_where=sa.text('sent_at IS NULL'))
    op.drop_index('outbox_sent', table_name='outbox', postgresql_where=sa.text('sent_at IS NOT NULL'))
    op.drop_index('outbox_failed', table_name='outbox', postgresql_where=sa.text('failure IS NOT NULL'))
    op.drop_table('outbox')
    op.drop_table('leases')
    op.drop_index('inbox_due', table_name='inbox', postgresql_where=sa.text('next_attempt_at IS NOT NULL'))
    op.drop_index('inbox_done', table_name='inbox', postgresql_where=sa.text('done_at IS NOT NULL'))
    op.drop_index('inbox_dead', table_name='inbox', postgresql_where=sa.text("status = 'dead'"))
    op.drop_index('inbox_blocking', table_name='inbox', postgresql_where=sa.text('blocks'))
    op.drop_table('inbox')
    op.drop_table('chain')
    op.drop_index('audit_subject_id', table_name='audit')
    op.drop_index('audit_store_id', table_name='audit')
    op.drop_index('audit_at', table_name='audit')
    op.drop_index('audit_actor_id', table_name='audit')
    op.drop_index('audit_action', table_name='audit')
    op.drop_table('audit')
    op.drop_index('api_keys_name', table_name='api_keys')
    op.drop_table('api_keys')
